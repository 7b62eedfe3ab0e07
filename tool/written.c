#include "written.h"

#include <sys/stat.h>

#include "winnow/show.h"

void wn__print_dense_command(const wn__call *call, int width, const char *label, const char *path)
{
    if (!call->console->quiet) wn__answer_print(call->answer, "%-*swinnow export %s --to dense --out FILE\n", width, label, path);
}

void wn__print_written(const wn__call *call, const wn__written *w)
{
    struct stat info;
    char count[32];
    if (stat(w->path, &info) == 0 && S_ISREG(info.st_mode)) {
        wn__answer_print(call->answer, "%-*s%s\n", w->width, "bytes", wn_show_count((int64_t)info.st_size, count, sizeof count));
        wn__answer_whole(call->answer, "bytes", (int64_t)info.st_size);
    }
    wn__answer_print(call->answer, "%-*s%s\n", w->width, w->label, w->path);
    wn__answer_text(call->answer, w->label, w->path);
    if (!w->dense) wn__print_dense_command(call, w->width, "dense", w->path);
}
