/* Signals that ask for an orderly end. */
#ifndef WN_TOOL_STOP_H
#define WN_TOOL_STOP_H

/* From now on SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU, SIGALRM and SIGPWR make running work save and stop; a second SIGINT ends the program at
 * once. One that was ignored when the program started (nohup) stays ignored. */
void wn__stop_on_signals(void);

#endif
