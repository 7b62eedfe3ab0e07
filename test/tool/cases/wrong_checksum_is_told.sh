mkdir mnist
{ printf '\000\000\010\001\000\000\047\020'; head -c 10000 /dev/zero; } >mnist/t10k-labels-idx1-ubyte
winnow data verify mnist --data-dir .
