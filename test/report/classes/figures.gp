# accuracy.gp
reset
set border 3 lw 0.8
set tics nomirror out scale 0.5
set xtics offset 0,0.25
set grid ytics lc rgb '#a0a0a0' lw 0.4 dt (2,4)
set bars 0.5
unset key
set title offset 0,-0.6
set style fill transparent solid 0.18 noborder
set xlabel offset 0,0.8
set ylabel offset 1,0
set style line 1 lc rgb '#0072B2' lw 1.7 pt 7 ps 0.5
set style line 2 lc rgb '#D55E00' lw 1.7 pt 5 ps 0.5
set style line 3 lc rgb '#009E73' lw 1.7 pt 9 ps 0.5
set style line 4 lc rgb '#CC79A7' lw 1.7 pt 13 ps 0.5
set style line 5 lc rgb '#E69F00' lw 1.7 pt 11 ps 0.5
set style line 6 lc rgb '#56B4E9' lw 1.7 pt 15 ps 0.5
set style line 7 lc rgb '#8C6239' lw 1.7 pt 7 ps 0.5
set style line 8 lc rgb '#0072B2' lw 1.7 pt 6 ps 0.5 dt (6,3)
set style line 9 lc rgb '#D55E00' lw 1.7 pt 4 ps 0.5 dt (6,3)
set style line 10 lc rgb '#009E73' lw 1.7 pt 8 ps 0.5 dt (6,3)
set style line 11 lc rgb '#CC79A7' lw 1.7 pt 12 ps 0.5 dt (6,3)
set style line 12 lc rgb '#E69F00' lw 1.7 pt 10 ps 0.5 dt (6,3)
set style line 13 lc rgb '#56B4E9' lw 1.7 pt 14 ps 0.5 dt (6,3)
set style line 14 lc rgb '#8C6239' lw 1.7 pt 6 ps 0.5 dt (6,3)
set style line 20 lc rgb '#808080' lw 1.5 dt (6,3)
set multiplot
set yrange [87.7844:92.6159]
$d0 << EOD
3.31264 92.12 0.215957
5.63457 88.22 0.215957
EOD
$d1 << EOD
3.33122 91.2 0.196324
EOD
$d2 << EOD
3.18261 92.0037 92.3963 92.2
5.78317 92.0037 92.3963 92.2
EOD
set lmargin at screen 0.16079
set rmargin at screen 0.97063
set tmargin at screen 0.92593
set bmargin at screen 0.23810
unset label
unset arrow
set title ''
set arrow from screen 0.16079,0.09259 to screen 0.21534,0.09259 nohead ls 1
set label '' at screen 0.18807,0.09259 point ls 1
set label 'kd-<&_ticket' at screen 0.22793,0.09259 left
set arrow from screen 0.48640,0.09259 to screen 0.54095,0.09259 nohead ls 2
set label '' at screen 0.51368,0.09259 point ls 2
set label 'lottery-ticket' at screen 0.55354,0.09259 left
set arrow from screen 0.16079,0.04497 to screen 0.21534,0.04497 nohead ls 20
set label 'dense' at screen 0.22793,0.04497 left
set xlabel 'sparsity'
set xrange [3.18261:5.78317]
set xtics ('90%%' 3.32193, '98%%' 5.64386)
set ylabel 'test accuracy (%)'
plot $d2 using 1:2:3 with filledcurves lc rgb '#808080' notitle, $d2 using 1:4 with lines ls 20 notitle, $d0 using 1:2:3 with yerrorlines ls 1 notitle, $d1 using 1:2:3 with yerrorlines ls 2 notitle, 1/0 notitle
unset multiplot
# curves.gp
reset
set border 3 lw 0.8
set tics nomirror out scale 0.5
set xtics offset 0,0.25
set grid ytics lc rgb '#a0a0a0' lw 0.4 dt (2,4)
set bars 0.5
unset key
set title offset 0,-0.6
set style fill transparent solid 0.18 noborder
set xlabel offset 0,0.8
set ylabel offset 1,0
set style line 1 lc rgb '#0072B2' lw 1.7 pt 7 ps 0.5
set style line 2 lc rgb '#D55E00' lw 1.7 pt 5 ps 0.5
set style line 3 lc rgb '#009E73' lw 1.7 pt 9 ps 0.5
set style line 4 lc rgb '#CC79A7' lw 1.7 pt 13 ps 0.5
set style line 5 lc rgb '#E69F00' lw 1.7 pt 11 ps 0.5
set style line 6 lc rgb '#56B4E9' lw 1.7 pt 15 ps 0.5
set style line 7 lc rgb '#8C6239' lw 1.7 pt 7 ps 0.5
set style line 8 lc rgb '#0072B2' lw 1.7 pt 6 ps 0.5 dt (6,3)
set style line 9 lc rgb '#D55E00' lw 1.7 pt 4 ps 0.5 dt (6,3)
set style line 10 lc rgb '#009E73' lw 1.7 pt 8 ps 0.5 dt (6,3)
set style line 11 lc rgb '#CC79A7' lw 1.7 pt 12 ps 0.5 dt (6,3)
set style line 12 lc rgb '#E69F00' lw 1.7 pt 10 ps 0.5 dt (6,3)
set style line 13 lc rgb '#56B4E9' lw 1.7 pt 14 ps 0.5 dt (6,3)
set style line 14 lc rgb '#8C6239' lw 1.7 pt 6 ps 0.5 dt (6,3)
set style line 20 lc rgb '#808080' lw 1.5 dt (6,3)
set multiplot
$d0 << EOD
1 50
2 75
3 83.3333
4 87.5
5 90
6 91.6667
7 92.8571
8 93.75
9 94.4444
10 95
11 95.4545
12 95.8333
13 96.1538
14 96.4286
15 96.6667
16 96.875
17 97.0588
18 97.2222
19 97.3684
20 97.5
21 97.619
22 97.7273
23 97.8261
24 97.9167
25 98
26 98.0769
27 98.1481
28 98.2143
29 98.2759
30 98.3333
EOD
$d1 << EOD
1 50
2 75
3 83.3333
4 87.5
5 90
6 91.6667
7 92.8571
8 93.75
9 94.4444
10 95
11 95.4545
12 95.8333
13 96.1538
14 96.4286
15 96.6667
16 96.875
17 97.0588
18 97.2222
19 97.3684
20 97.5
21 97.619
22 97.7273
23 97.8261
24 97.9167
25 98
26 98.0769
27 98.1481
28 98.2143
29 98.2759
30 98.3333
EOD
$d2 << EOD
1 50
2 75
3 83.3333
4 87.5
5 90
6 91.6667
7 92.8571
8 93.75
9 94.4444
10 95
11 95.4545
12 95.8333
13 96.1538
14 96.4286
15 96.6667
16 96.875
17 97.0588
18 97.2222
19 97.3684
20 97.5
21 97.619
22 97.7273
23 97.8261
24 97.9167
25 98
26 98.0769
27 98.1481
28 98.2143
29 98.2759
30 98.3333
EOD
$d3 << EOD
1 50
2 75
3 83.3333
4 87.5
5 90
6 91.6667
7 92.8571
8 93.75
9 94.4444
10 95
11 95.4545
12 95.8333
13 96.1538
14 96.4286
15 96.6667
16 96.875
17 97.0588
18 97.2222
19 97.3684
20 97.5
21 97.619
22 97.7273
23 97.8261
24 97.9167
25 98
26 98.0769
27 98.1481
28 98.2143
29 98.2759
30 98.3333
EOD
set xrange [1:30]
set yrange [86.9583:98.875]
set xtics 5
set lmargin at screen 0.06522
set rmargin at screen 0.48478
set tmargin at screen 0.90667
set bmargin at screen 0.24000
unset label
unset arrow
set title '90%'
set arrow from screen 0.06522,0.05667 to screen 0.09348,0.05667 nohead ls 1
set label '' at screen 0.07935,0.05667 point ls 1
set label 'kd-<&_ticket' at screen 0.10000,0.05667 left
set arrow from screen 0.23391,0.05667 to screen 0.26217,0.05667 nohead ls 2
set label '' at screen 0.24804,0.05667 point ls 2
set label 'lottery-ticket' at screen 0.26870,0.05667 left
set arrow from screen 0.40261,0.05667 to screen 0.43087,0.05667 nohead ls 20
set label 'dense' at screen 0.43739,0.05667 left
set xlabel 'epoch'
set ylabel 'validation accuracy (%)'
plot 1/0 notitle, $d0 using 1:2 with lines ls 20 notitle, $d1 using 1:2 with lines ls 1 lw 1.3 notitle, $d2 using 1:2 with lines ls 2 lw 1.3 notitle
set lmargin at screen 0.56522
set rmargin at screen 0.98478
set tmargin at screen 0.90667
set bmargin at screen 0.24000
unset label
unset arrow
set title '98%'
set xlabel 'epoch'
set ylabel ''
plot 1/0 notitle, $d0 using 1:2 with lines ls 20 notitle, $d3 using 1:2 with lines ls 1 lw 1.3 notitle
unset multiplot
# differences.gp
reset
set border 3 lw 0.8
set tics nomirror out scale 0.5
set xtics offset 0,0.25
set grid ytics lc rgb '#a0a0a0' lw 0.4 dt (2,4)
set bars 0.5
unset key
set title offset 0,-0.6
set style fill transparent solid 0.18 noborder
set xlabel offset 0,0.8
set ylabel offset 1,0
set style line 1 lc rgb '#0072B2' lw 1.7 pt 7 ps 0.5
set style line 2 lc rgb '#D55E00' lw 1.7 pt 5 ps 0.5
set style line 3 lc rgb '#009E73' lw 1.7 pt 9 ps 0.5
set style line 4 lc rgb '#CC79A7' lw 1.7 pt 13 ps 0.5
set style line 5 lc rgb '#E69F00' lw 1.7 pt 11 ps 0.5
set style line 6 lc rgb '#56B4E9' lw 1.7 pt 15 ps 0.5
set style line 7 lc rgb '#8C6239' lw 1.7 pt 7 ps 0.5
set style line 8 lc rgb '#0072B2' lw 1.7 pt 6 ps 0.5 dt (6,3)
set style line 9 lc rgb '#D55E00' lw 1.7 pt 4 ps 0.5 dt (6,3)
set style line 10 lc rgb '#009E73' lw 1.7 pt 8 ps 0.5 dt (6,3)
set style line 11 lc rgb '#CC79A7' lw 1.7 pt 12 ps 0.5 dt (6,3)
set style line 12 lc rgb '#E69F00' lw 1.7 pt 10 ps 0.5 dt (6,3)
set style line 13 lc rgb '#56B4E9' lw 1.7 pt 14 ps 0.5 dt (6,3)
set style line 14 lc rgb '#8C6239' lw 1.7 pt 6 ps 0.5 dt (6,3)
set style line 20 lc rgb '#808080' lw 1.5 dt (6,3)
set multiplot
$d0 << EOD
3.31264 -0.08 0.0196324
5.63457 -3.98 0.0196324
EOD
$d1 << EOD
3.33122 -1 7.89498e-15
EOD
$d2 << EOD
3.18261 -0.3 0.3 0
5.78317 -0.3 0.3 0
EOD
set lmargin at screen 0.16079
set rmargin at screen 0.97063
set tmargin at screen 0.90667
set bmargin at screen 0.24000
unset label
unset arrow
set title 'difference from dense'
set arrow from screen 0.16079,0.05667 to screen 0.21534,0.05667 nohead ls 1
set label '' at screen 0.18807,0.05667 point ls 1
set label 'kd-<&_ticket' at screen 0.22793,0.05667 left
set arrow from screen 0.48640,0.05667 to screen 0.54095,0.05667 nohead ls 2
set label '' at screen 0.51368,0.05667 point ls 2
set label 'lottery-ticket' at screen 0.55354,0.05667 left
set yrange [-4.1966:0.496963]
set xlabel 'sparsity'
set xrange [3.18261:5.78317]
set xtics ('90%%' 3.32193, '98%%' 5.64386)
set ylabel 'points'
plot $d2 using 1:2:3 with filledcurves lc rgb '#808080' notitle, $d2 using 1:4 with lines ls 20 notitle, $d0 using 1:2:3 with yerrorlines ls 1 notitle, $d1 using 1:2:3 with yerrorlines ls 2 notitle, 1/0 notitle
unset multiplot
# layers.gp
reset
set border 3 lw 0.8
set tics nomirror out scale 0.5
set xtics offset 0,0.25
set grid ytics lc rgb '#a0a0a0' lw 0.4 dt (2,4)
set bars 0.5
unset key
set title offset 0,-0.6
set style fill transparent solid 0.18 noborder
set xlabel offset 0,0.8
set ylabel offset 1,0
set style line 1 lc rgb '#0072B2' lw 1.7 pt 7 ps 0.5
set style line 2 lc rgb '#D55E00' lw 1.7 pt 5 ps 0.5
set style line 3 lc rgb '#009E73' lw 1.7 pt 9 ps 0.5
set style line 4 lc rgb '#CC79A7' lw 1.7 pt 13 ps 0.5
set style line 5 lc rgb '#E69F00' lw 1.7 pt 11 ps 0.5
set style line 6 lc rgb '#56B4E9' lw 1.7 pt 15 ps 0.5
set style line 7 lc rgb '#8C6239' lw 1.7 pt 7 ps 0.5
set style line 8 lc rgb '#0072B2' lw 1.7 pt 6 ps 0.5 dt (6,3)
set style line 9 lc rgb '#D55E00' lw 1.7 pt 4 ps 0.5 dt (6,3)
set style line 10 lc rgb '#009E73' lw 1.7 pt 8 ps 0.5 dt (6,3)
set style line 11 lc rgb '#CC79A7' lw 1.7 pt 12 ps 0.5 dt (6,3)
set style line 12 lc rgb '#E69F00' lw 1.7 pt 10 ps 0.5 dt (6,3)
set style line 13 lc rgb '#56B4E9' lw 1.7 pt 14 ps 0.5 dt (6,3)
set style line 14 lc rgb '#8C6239' lw 1.7 pt 6 ps 0.5 dt (6,3)
set style line 20 lc rgb '#808080' lw 1.5 dt (6,3)
set multiplot
set logscale y
set yrange [*:130]
set format y '%g'
$d0 << EOD
1 10
2 8.88889
EOD
$d1 << EOD
1 2
2 2.22222
EOD
set lmargin at screen 0.13043
set rmargin at screen 0.96957
set tmargin at screen 0.94357
set bmargin at screen 0.60097
unset label
unset arrow
set title 'kd-<&_ticket'
set arrow from screen 0.13043,0.53426 to screen 0.18696,0.53426 nohead ls 1
set label '' at screen 0.15870,0.53426 point ls 1
set label '90%' at screen 0.20000,0.53426 left
set arrow from screen 0.28130,0.53426 to screen 0.33783,0.53426 nohead ls 2
set label '' at screen 0.30957,0.53426 point ls 2
set label '98%' at screen 0.35087,0.53426 left
set xrange [0.5:2.5]
set xlabel ''
set xtics ('a' 1, 'b' 2) rotate by 50 right font small_font
set ylabel 'weights left (%)'
plot 1/0 notitle, $d0 using 1:2 with linespoints ls 1 notitle, $d1 using 1:2 with linespoints ls 2 notitle
$d2 << EOD
1 10
2 8.88889
EOD
set lmargin at screen 0.13043
set rmargin at screen 0.96957
set tmargin at screen 0.44357
set bmargin at screen 0.10097
unset label
unset arrow
set title 'lottery-ticket'
set arrow from screen 0.13043,0.03426 to screen 0.18696,0.03426 nohead ls 1
set label '' at screen 0.15870,0.03426 point ls 1
set label '90%' at screen 0.20000,0.03426 left
set arrow from screen 0.28130,0.03426 to screen 0.33783,0.03426 nohead ls 2
set label '' at screen 0.30957,0.03426 point ls 2
set label '98%' at screen 0.35087,0.03426 left
set xrange [0.5:2.5]
set xlabel ''
set xtics ('a' 1, 'b' 2) rotate by 50 right font small_font
set ylabel 'weights left (%)'
plot 1/0 notitle, $d2 using 1:2 with linespoints ls 1 notitle
unset multiplot
# main.gp
set terminal svg noenhanced size 477,378 dynamic font 'sans,13' name 'accuracy'
small_font = ',10.4'
set output 'accuracy.svg'
load 'accuracy.gp'
unset output
set terminal pdfcairo noenhanced size 3.5126in,2.7857in font 'sans,6.898' linewidth 0.55
small_font = ',5.518'
set output 'accuracy.pdf'
load 'accuracy.gp'
unset output
set terminal svg noenhanced size 477,300 dynamic font 'sans,13' name 'differences'
small_font = ',10.4'
set output 'differences.svg'
load 'differences.gp'
unset output
set terminal pdfcairo noenhanced size 3.5126in,2.2109in font 'sans,6.898' linewidth 0.55
small_font = ',5.518'
set output 'differences.pdf'
load 'differences.gp'
unset output
set terminal svg noenhanced size 477,378 dynamic font 'sans,13' name 'price'
small_font = ',10.4'
set output 'price.svg'
load 'price.gp'
unset output
set terminal pdfcairo noenhanced size 3.5126in,2.7857in font 'sans,6.898' linewidth 0.55
small_font = ',5.518'
set output 'price.pdf'
load 'price.gp'
unset output
set terminal svg noenhanced size 920,300 dynamic font 'sans,13' name 'curves'
small_font = ',10.4'
set output 'curves.svg'
load 'curves.gp'
unset output
set terminal pdfcairo noenhanced size 6.7800in,2.2109in font 'sans,6.898' linewidth 0.55
small_font = ',5.518'
set output 'curves.pdf'
load 'curves.gp'
unset output
set terminal svg noenhanced size 460,496 dynamic font 'sans,13' name 'layers'
small_font = ',10.4'
set output 'layers.svg'
load 'layers.gp'
unset output
set terminal pdfcairo noenhanced size 3.3900in,3.6568in font 'sans,6.898' linewidth 0.55
small_font = ',5.518'
set output 'layers.pdf'
load 'layers.gp'
unset output
# price.gp
reset
set border 3 lw 0.8
set tics nomirror out scale 0.5
set xtics offset 0,0.25
set grid ytics lc rgb '#a0a0a0' lw 0.4 dt (2,4)
set bars 0.5
unset key
set title offset 0,-0.6
set style fill transparent solid 0.18 noborder
set xlabel offset 0,0.8
set ylabel offset 1,0
set style line 1 lc rgb '#0072B2' lw 1.7 pt 7 ps 0.5
set style line 2 lc rgb '#D55E00' lw 1.7 pt 5 ps 0.5
set style line 3 lc rgb '#009E73' lw 1.7 pt 9 ps 0.5
set style line 4 lc rgb '#CC79A7' lw 1.7 pt 13 ps 0.5
set style line 5 lc rgb '#E69F00' lw 1.7 pt 11 ps 0.5
set style line 6 lc rgb '#56B4E9' lw 1.7 pt 15 ps 0.5
set style line 7 lc rgb '#8C6239' lw 1.7 pt 7 ps 0.5
set style line 8 lc rgb '#0072B2' lw 1.7 pt 6 ps 0.5 dt (6,3)
set style line 9 lc rgb '#D55E00' lw 1.7 pt 4 ps 0.5 dt (6,3)
set style line 10 lc rgb '#009E73' lw 1.7 pt 8 ps 0.5 dt (6,3)
set style line 11 lc rgb '#CC79A7' lw 1.7 pt 12 ps 0.5 dt (6,3)
set style line 12 lc rgb '#E69F00' lw 1.7 pt 10 ps 0.5 dt (6,3)
set style line 13 lc rgb '#56B4E9' lw 1.7 pt 14 ps 0.5 dt (6,3)
set style line 14 lc rgb '#8C6239' lw 1.7 pt 6 ps 0.5 dt (6,3)
set style line 20 lc rgb '#808080' lw 1.5 dt (6,3)
set multiplot
set yrange [87.7844:92.6159]
$d0 << EOD
0.55 92.12 0.215957
0.51 88.22 0.215957
EOD
$d1 << EOD
EOD
$d2 << EOD
0.55 91.2 0.196324
EOD
$d3 << EOD
EOD
$d4 << EOD
1 92.2 0.196324
EOD
set lmargin at screen 0.16079
set rmargin at screen 0.97063
set tmargin at screen 0.92593
set bmargin at screen 0.23810
unset label
unset arrow
set title ''
set arrow from screen 0.16079,0.09259 to screen 0.21534,0.09259 nohead ls 1
set label '' at screen 0.18807,0.09259 point ls 1
set label 'kd-<&_ticket' at screen 0.22793,0.09259 left
set arrow from screen 0.48640,0.09259 to screen 0.54095,0.09259 nohead ls 2
set label '' at screen 0.51368,0.09259 point ls 2
set label 'lottery-ticket' at screen 0.55354,0.09259 left
set arrow from screen 0.16079,0.04497 to screen 0.21534,0.04497 nohead ls 20
set label 'dense' at screen 0.22793,0.04497 left
set logscale x 2
set xrange [*:*]
set xtics auto
set format x '%g'
set xlabel 'training FLOPs, of dense'
set ylabel 'test accuracy (%)'
plot 1/0 notitle, $d4 using 1:2:3 with yerrorbars ls 20 pt 7 ps 0.7 notitle, $d0 using 1:2:3 with yerrorlines ls 1 notitle, $d2 using 1:2:3 with yerrorlines ls 2 notitle
unset multiplot
