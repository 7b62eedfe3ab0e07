winnow status --out nowhere || winnow gc --out nowhere
