winnow data get mnits
