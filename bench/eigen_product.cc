#include "eigen_product.h"

#include <Eigen/Sparse>
#include <vector>

typedef Eigen::SparseMatrix<float, Eigen::RowMajor, int32_t> Sparse;
typedef Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> Dense;
typedef Eigen::OuterStride<> Stride;

struct eigen_matrix {
    Sparse values;
};

eigen_matrix *eigen_matrix_new(int64_t rows, int64_t columns, const int64_t *row_start, const int32_t *column, const float *value)
{
    std::vector<Eigen::Triplet<float, int32_t>> entries;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t k = row_start[r]; k < row_start[r + 1]; k++)
            entries.emplace_back(static_cast<int32_t>(r), column[k], value[k]);
    eigen_matrix *m = new eigen_matrix{Sparse(rows, columns)};
    m->values.setFromTriplets(entries.begin(), entries.end());
    return m;
}

void eigen_matrix_free(eigen_matrix *m) { delete m; }

void eigen_matrix_multiply(const eigen_matrix *m, const float *in, float *out, int64_t width, int64_t first, int64_t count)
{
    const Eigen::Map<const Dense, 0, Stride> from(in + first, m->values.cols(), count, Stride(width));
    Eigen::Map<Dense, 0, Stride> to(out + first, m->values.rows(), count, Stride(width));
    to.noalias() = m->values * from;
}
