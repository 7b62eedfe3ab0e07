/* Eigen's product of a sparse matrix with a dense one, for comparison. Single-threaded: threads take columns. */
#ifndef WN_BENCH_EIGEN_PRODUCT_H
#define WN_BENCH_EIGEN_PRODUCT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct eigen_matrix eigen_matrix;

/* Row by row, as a pattern has it; copied. */
eigen_matrix *eigen_matrix_new(int64_t rows, int64_t columns, const int64_t *row_start, const int32_t *column, const float *value);
void eigen_matrix_free(eigen_matrix *m);
/* out (rows, width) = m in (columns, width), of the columns [first, first + count) of in and out. */
void eigen_matrix_multiply(const eigen_matrix *m, const float *in, float *out, int64_t width, int64_t first, int64_t count);

#ifdef __cplusplus
}
#endif

#endif
