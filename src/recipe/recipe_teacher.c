/* The section teacher: of the recipe, and of rows. */
#include "base/fail.h"
#include "recipe/recipe.h"

static const wn__setting file_settings[] = {
    WN_SETTING_TEXT(wn__teacher_file, file, "", ""),
    WN_SETTING_TEXT(wn__teacher_file, arch, "", ""),
    WN_SETTING_TEXT(wn__teacher_file, names, "", ""),
    {0},
};

static const wn__teacher_file none = {"", "", ""};

static wn_status need_file(const wn__teacher_file *file, const wn__yaml_node *node)
{
    return file->file[0] ? WN_OK : wn__yaml_fail(WN_EUSAGE, node, "teacher: the key \"file\" is missing: which weights?");
}

/* Another file is of no other one's architecture; without one the files stay. */
static wn_status read_mapping(wn__teacher_section *teacher, const wn__yaml_node *node)
{
    wn__teacher_files *files = &teacher->files;
    const wn__schema schema = {.what = "teacher", .table = {{wn__teacher_settings, teacher}, {wn__teacher_file_settings, teacher}}};
    const bool other = wn__yaml_find(node, "file") != NULL;
    if (other) files->file[0] = none;
    WN_TRY(wn__schema_read(&schema, node));
    if (other) files->count = files->file[0].file[0] != 0;
    if (files->file[0].arch[0] || files->file[0].names[0]) return need_file(&files->file[0], node);
    return WN_OK;
}

/* The first of a list has the section's other keys. */
wn_status wn__teacher_read(wn__teacher_section *teacher, const wn__yaml_node *node)
{
    wn__teacher_files *files = &teacher->files;
    if (wn__yaml_kind_of(node) != WN__YAML_SEQUENCE) return read_mapping(teacher, node);
    const int count = wn__yaml_count(node);
    if (count < 1 || count > WN__MOST_TEACHER_FILES)
        return wn__yaml_fail(WN_EUSAGE, node, "teacher: a list of %d; 1 to %d networks can teach together", count, WN__MOST_TEACHER_FILES);
    for (int i = 0; i < count; i++) {
        const wn__yaml_node *item = wn__yaml_child(node, i);
        const wn__schema schema = {.what = "teacher", .table = {{file_settings, &files->file[i]}}};
        files->file[i] = none;
        WN_TRY(i == 0 ? read_mapping(teacher, item) : wn__schema_read(&schema, item));
        WN_TRY(need_file(&files->file[i], item));
    }
    files->count = count;
    return WN_OK;
}
