"$CASES/../../../scripts/recipe-reference.sh" winnow
