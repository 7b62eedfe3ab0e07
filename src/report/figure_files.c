#include "report/figure_files.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "report/gnuplot.h"

wn_status wn__figure_files_add(wn__figure_files *files, wn__sheet *sheet, const char *name)
{
    assert(files->count < WN__MOST_FIGURE_FILES);
    wn__sheet_end(sheet);
    wn__sheet_output(sheet, name, &files->main_script);
    if (sheet->script.failed || files->main_script.failed) return wn__no_memory(sheet->script.size);
    files->figure[files->count].name = name;
    files->figure[files->count++].script = sheet->script;
    sheet->script = (wn__text){0};
    return WN_OK;
}

void wn__figure_files_release(wn__figure_files *files)
{
    for (int i = 0; i < files->count; i++)
        wn__text_release(&files->figure[i].script);
    wn__text_release(&files->main_script);
    *files = (wn__figure_files){0};
}

static wn_status write_script(const char *folder, const char *name, const char *text)
{
    char file[64];
    snprintf(file, sizeof file, "%s.gp", name);
    char *path = wn__path_join(folder, file);
    if (!path) return wn__no_memory(strlen(folder));
    const wn_status status = wn__file_write(path, text, strlen(text));
    wn__free(path);
    return status;
}

/* gnuplot ends well although the disk was full: its pictures are cut off then. */
static wn_status check_whole(const char *path, const char *ending, const char *data, size_t size)
{
    const char *last = strcmp(ending, "svg") == 0 ? "</svg>" : "%%EOF";
    const size_t length = strlen(last);
    while (size > 0 && (data[size - 1] == '\n' || data[size - 1] == '\r'))
        size--;
    if (size >= length && memcmp(data + size - length, last, length) == 0) return WN_OK;
    return wn__fail(WN_EIO, "%s: gnuplot wrote only a part of it; is the disk full?", path);
}

static wn_status move_picture(const char *from_folder, const char *to_folder, const char *name, const char *ending)
{
    char file[64], *data = NULL;
    size_t size;
    snprintf(file, sizeof file, "%s.%s", name, ending);
    char *from = wn__path_join(from_folder, file), *to = wn__path_join(to_folder, file);
    wn_status status = from && to ? WN_OK : wn__no_memory(strlen(to_folder));
    if (status == WN_OK && strcmp(ending, "pdf") == 0) status = wn__pdf_fix_date(from);
    if (status == WN_OK) status = wn__file_read(from, &data, &size);
    if (status == WN_OK) status = check_whole(from, ending, data, size);
    if (status == WN_OK) status = wn__file_write(to, data, size);
    wn__free(data);
    wn__free(from);
    wn__free(to);
    return status;
}

static wn_status draw_in(const wn__figure_files *files, const char *temporary, const char *folder)
{
    for (int i = 0; i < files->count; i++)
        WN_TRY(write_script(temporary, files->figure[i].name, files->figure[i].script.data));
    WN_TRY(write_script(temporary, "main", files->main_script.data));
    WN_TRY(wn__gnuplot_run(temporary, "main.gp"));
    WN_TRY(wn__make_folders(folder));
    for (int i = 0; i < files->count; i++) {
        WN_TRY(move_picture(temporary, folder, files->figure[i].name, "svg"));
        WN_TRY(move_picture(temporary, folder, files->figure[i].name, "pdf"));
    }
    return WN_OK;
}

wn_status wn__figure_files_draw(const wn__figure_files *files, const char *folder)
{
    if (files->count == 0) return WN_OK;
    const char *base = getenv("TMPDIR");
    char *temporary = wn__path_join(base && *base ? base : "/tmp", "winnow-report-XXXXXX");
    if (!temporary) return wn__no_memory(64);
    wn_status status = mkdtemp(temporary) ? WN_OK : wn__fail_errno("cannot make the temporary folder %s", temporary);
    if (status == WN_OK) {
        status = draw_in(files, temporary, folder);
        const wn_status removed = wn__remove_tree(temporary);
        if (status == WN_OK) status = removed;
    }
    wn__free(temporary);
    return status;
}
