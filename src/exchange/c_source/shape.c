/* A tensor: channels, rows and columns, and how far apart rows and planes are. */
typedef struct shape {
    long c, h, w, row, plane;
} shape;
