#include <string.h>

#include "command.h"
#include "winnow/doctor.h"

/* user: the group printed last. */
static void print_fact(void *user, const char *group, const char *name, const char *value)
{
    const char **last = user;
    if (!*last || strcmp(*last, group) != 0) printf("%s%s\n", *last ? "\n" : "", group);
    *last = group;
    printf("  %-26s %s\n", name, value);
}

static int run_doctor(const wn__call *call)
{
    const char *group = NULL;
    return wn__finish(call, wn_doctor(print_fact, (void *)&group));
}

const wn__command wn__command_doctor = {
    .name = "doctor",
    .arguments = "",
    .summary = "Show the CPU, threads, backends, libraries and data sets of this machine",
    .computes = true, /* so that it shows what other commands get */
    .run = run_doctor,
};
