/* How OpenMP's threads wait. oneDNN may be built on OpenMP, whose threads by default spin for milliseconds after each parallel region and
 * starve whoever else wants the CPU. Its runtime reads the policy before main, so the program starts itself again with the policy in its
 * environment, once, unless the user chose one. */
#ifndef WN_TOOL_OPENMP_H
#define WN_TOOL_OPENMP_H

/* Returns if nothing is to be done, or if the program cannot start itself (no /proc): then work goes on as it is. */
void wn__openmp_set_waiting(char **argv);

#endif
