/* Networks in files that soft labels come from. */
#ifndef WN_PLAN_TEACHER_H
#define WN_PLAN_TEACHER_H

#include "recipe/recipe.h"

/* The network of a teacher's file for the recipe's data; NULL: the recipe's own. */
wn_status wn__teacher_graph(const wn__recipe *recipe, const wn__teacher_file *teacher, wn_graph **out);
/* Forward FLOPs of all of its networks for one image, dense. */
wn_status wn__teacher_flops(const wn__recipe *recipe, const wn__teacher_files *files, int64_t *flops);
/* WN_EMISMATCH, WN_ENOTFOUND ...: a file that is not of its network. */
wn_status wn__teacher_check(const wn__recipe *recipe, const wn__teacher_files *files);

#endif
