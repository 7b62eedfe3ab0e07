/* What the heads of a report's columns mean, for readers of its page. */
#ifndef WN_REPORT_COLUMN_HELP_H
#define WN_REPORT_COLUMN_HELP_H

const char *wn__column_help(const char *head); /* NULL: it explains itself, or nothing is known of it */

#endif
