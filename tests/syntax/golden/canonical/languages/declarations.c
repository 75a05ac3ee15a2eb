#include <stdio.h>
#include "shelf.h"

#define LIMIT 40
#define TWICE(a) ((a) * 2)

/** A point on the plane. */
struct point {
    int x, y;
    const char *label;
    int (*measure)(int);
};

enum color { RED, GREEN = 2 };

typedef struct point point_t;
typedef unsigned int (*handler)(int code);

static int counter = 0, total;
extern const int *origin;

int add(int a, int b);
void close_all(void);
static char **split(const char *text, size_t count);
double (*scale)(double by);

/* The way
   back. */
static inline const struct point *find(struct point *from, int steps[], ...)
{
    struct point here = { .x = 1, .y = 2 };
    for (int i = 0; i < 3; i++)
        here.x += *steps++;
retry:
    do {
        if (!from) goto retry;
    } while (from->x);
    return from ? from : (struct point *) &here;
}
