/* Signals that ask for an orderly end. */
#ifndef WN_TOOL_STOP_H
#define WN_TOOL_STOP_H

/* From now on SIGINT, SIGTERM and SIGUSR1 make running work save and stop; a second SIGINT ends the program at once. */
void wn__stop_on_signals(void);

#endif
