winnow data get
