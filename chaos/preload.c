/* Which file operation shall fail? Counts the calls of libc that change what is on disk below some directories, and
 * fails the one that was asked for, or it and all that follow; and can write down each of them. Sets the clock, too.
 *
 * Loaded with LD_PRELOAD, as Lance and LMDB write by native code. See preload.py for how it is used.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define NEXT(type, name, ...)                                       \
    static type (*real)(__VA_ARGS__);                               \
    if (!real)                                                      \
        real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

enum { NEEDS_ROOM = 1, NEEDS_RIGHT = 2, NEEDS_DISK = 4 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char watched[8][PATH_MAX];
static int directories;
static long operations, wanted;
static int failure, stays, hit, record = -1;
static long moved;
static char struck[PATH_MAX + 64];

/* What of a disk that is full, or may not be written, or is broken for good, fails? */
static int needed_by(int error)
{
    return error == ENOSPC ? NEEDS_ROOM : error == EACCES ? NEEDS_RIGHT : NEEDS_DISK;
}

static int is_watched(const char *path)
{
    for (int i = 0; i < directories; i++) {
        size_t length = strlen(watched[i]);
        if (!strncmp(path, watched[i], length) && (path[length] == '/' || !path[length]))
            return 1;
    }
    return 0;
}

static const char *absolute(int at, const char *path, char *buffer)
{
    char link[64];
    ssize_t length;
    if (path[0] == '/')
        return path;
    if (at == AT_FDCWD)
        strcpy(link, "/proc/self/cwd");
    else
        snprintf(link, sizeof link, "/proc/self/fd/%d", at);
    length = readlink(link, buffer, PATH_MAX - 1);
    if (length < 0)
        return "";
    snprintf(buffer + length, PATH_MAX - length, "%s%s", *path ? "/" : "", path);
    return buffer;
}

/* Returns the errno to fail with, or 0. */
static int strikes(const char *name, int needs, const char *path, const char *other)
{
    int error = 0, saved = errno;
    if (!is_watched(path) && !(other && is_watched(other)))
        return 0;
    pthread_mutex_lock(&mutex);
    operations++;
    if (wanted && (operations == wanted || (stays && hit && (needs & needed_by(failure))))) {
        error = failure;
        if (!hit)
            snprintf(struck, sizeof struck, "%s %.*s", name, PATH_MAX - 1, path);
        hit = 1;
    }
    if (record >= 0)
        dprintf(record, "%s\t%s\t%s\n", name, path, other ? other : "");
    pthread_mutex_unlock(&mutex);
    errno = saved;
    return error;
}

static int at_path(const char *name, int needs, int at, const char *path, int to, const char *other)
{
    char buffer[PATH_MAX], second[PATH_MAX];
    if (!directories)
        return 0;
    return strikes(name, needs, absolute(at, path, buffer), other ? absolute(to, other, second) : NULL);
}

static int at_file(const char *name, int needs, int file)
{
    char buffer[PATH_MAX];
    if (!directories)
        return 0;
    return strikes(name, needs, absolute(file, "", buffer), NULL);
}

#define FAILS(call)                  \
    do {                             \
        int error = (call);          \
        if (error) {                 \
            errno = error;           \
            return -1;               \
        }                            \
    } while (0)

/* -- what is called from outside ---------------------------------------------------------------------------------- */

void chaos_watch(const char *paths)
{
    pthread_mutex_lock(&mutex);
    for (directories = 0; *paths && directories < 8; directories++) {
        size_t length = strcspn(paths, ":");
        snprintf(watched[directories], PATH_MAX, "%.*s", (int)length, paths);
        paths += length + (paths[length] == ':');
    }
    pthread_mutex_unlock(&mutex);
}

void chaos_arm(long nth, int error, int whether_stays)
{
    pthread_mutex_lock(&mutex);
    operations = hit = 0;
    wanted = nth;
    failure = error;
    stays = whether_stays;
    struck[0] = 0;
    pthread_mutex_unlock(&mutex);
}

long chaos_operations(void) { return operations; }

const char *chaos_struck(void) { return struck; }

void chaos_clock(long seconds) { moved = seconds; }

void chaos_record(int file) { record = file; }

__attribute__((constructor)) static void begin(void)
{
    const char *paths = getenv("CHAOS_WATCH"), *nth = getenv("CHAOS_NTH"), *error = getenv("CHAOS_ERRNO");
    if (!paths || !nth || !error)
        return;
    chaos_watch(paths);
    chaos_arm(atol(nth), atoi(error), getenv("CHAOS_STAYS") != NULL);
}

/* -- what is called in place of libc's ---------------------------------------------------------------------------- */

static int for_writing(int flags)
{
    return (flags & O_ACCMODE) != O_RDONLY || flags & O_CREAT;
}

static int opening(int at, const char *path, int flags)
{
    return for_writing(flags) ? at_path("open", NEEDS_RIGHT | NEEDS_DISK | (flags & O_CREAT ? NEEDS_ROOM : 0), at, path,
                                        0, NULL)
                              : 0;
}

#define MODE(flags)                               \
    mode_t mode = 0;                              \
    if ((flags) & (O_CREAT | O_TMPFILE)) {        \
        va_list list;                             \
        va_start(list, flags);                    \
        mode = va_arg(list, mode_t);              \
        va_end(list);                             \
    }

#define OPEN(name)                                          \
    int name(const char *path, int flags, ...)              \
    {                                                       \
        NEXT(int, #name, const char *, int, ...);           \
        MODE(flags)                                         \
        FAILS(opening(AT_FDCWD, path, flags));              \
        return real(path, flags, mode);                     \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                        \
    int name(int at, const char *path, int flags, ...)      \
    {                                                       \
        NEXT(int, #name, int, const char *, int, ...);      \
        MODE(flags)                                         \
        FAILS(opening(at, path, flags));                    \
        return real(at, path, flags, mode);                 \
    }
OPENAT(openat)
OPENAT(openat64)

#define CREAT(name)                                                 \
    int name(const char *path, mode_t mode)                         \
    {                                                               \
        NEXT(int, #name, const char *, mode_t);                     \
        FAILS(opening(AT_FDCWD, path, O_WRONLY | O_CREAT));         \
        return real(path, mode);                                    \
    }
CREAT(creat)
CREAT(creat64)

ssize_t write(int file, const void *data, size_t size)
{
    NEXT(ssize_t, "write", int, const void *, size_t);
    FAILS(at_file("write", NEEDS_ROOM | NEEDS_DISK, file));
    return real(file, data, size);
}

#define PWRITE(name, offset_type)                                       \
    ssize_t name(int file, const void *data, size_t size, offset_type at)\
    {                                                                   \
        NEXT(ssize_t, #name, int, const void *, size_t, offset_type);   \
        FAILS(at_file("pwrite", NEEDS_ROOM | NEEDS_DISK, file));        \
        return real(file, data, size, at);                              \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

ssize_t writev(int file, const struct iovec *parts, int count)
{
    NEXT(ssize_t, "writev", int, const struct iovec *, int);
    FAILS(at_file("writev", NEEDS_ROOM | NEEDS_DISK, file));
    return real(file, parts, count);
}

#define COPIES(name, offset_type)                                                               \
    ssize_t name(int to, int from, offset_type *at, size_t size)                                \
    {                                                                                           \
        NEXT(ssize_t, #name, int, int, offset_type *, size_t);                                  \
        FAILS(at_file("sendfile", NEEDS_ROOM | NEEDS_DISK, to));                                \
        return real(to, from, at, size);                                                        \
    }
COPIES(sendfile, off_t)
COPIES(sendfile64, off64_t)

ssize_t copy_file_range(int from, off64_t *in, int to, off64_t *out, size_t size, unsigned flags)
{
    NEXT(ssize_t, "copy_file_range", int, off64_t *, int, off64_t *, size_t, unsigned);
    FAILS(at_file("copy_file_range", NEEDS_ROOM | NEEDS_DISK, to));
    return real(from, in, to, out, size, flags);
}

int fsync(int file)
{
    NEXT(int, "fsync", int);
    FAILS(at_file("fsync", NEEDS_DISK, file));
    return real(file);
}

int fdatasync(int file)
{
    NEXT(int, "fdatasync", int);
    FAILS(at_file("fdatasync", NEEDS_DISK, file));
    return real(file);
}

int ftruncate(int file, off_t size)
{
    NEXT(int, "ftruncate", int, off_t);
    FAILS(at_file("ftruncate", NEEDS_DISK, file));
    return real(file, size);
}

int ftruncate64(int file, off64_t size)
{
    NEXT(int, "ftruncate64", int, off64_t);
    FAILS(at_file("ftruncate", NEEDS_DISK, file));
    return real(file, size);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    NEXT(int, "clock_gettime", clockid_t, struct timespec *);
    int told = real(clock, now);
    if (!told && clock == CLOCK_REALTIME)
        now->tv_sec += moved;
    return told;
}

int rename(const char *from, const char *to)
{
    NEXT(int, "rename", const char *, const char *);
    FAILS(at_path("rename", NEEDS_RIGHT | NEEDS_DISK | NEEDS_ROOM, AT_FDCWD, from, AT_FDCWD, to));
    return real(from, to);
}

int renameat(int from_at, const char *from, int to_at, const char *to)
{
    NEXT(int, "renameat", int, const char *, int, const char *);
    FAILS(at_path("rename", NEEDS_RIGHT | NEEDS_DISK | NEEDS_ROOM, from_at, from, to_at, to));
    return real(from_at, from, to_at, to);
}

int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags)
{
    NEXT(int, "renameat2", int, const char *, int, const char *, unsigned);
    FAILS(at_path("rename", NEEDS_RIGHT | NEEDS_DISK | NEEDS_ROOM, from_at, from, to_at, to));
    return real(from_at, from, to_at, to, flags);
}

int link(const char *from, const char *to)
{
    NEXT(int, "link", const char *, const char *);
    FAILS(at_path("link", NEEDS_RIGHT | NEEDS_DISK | NEEDS_ROOM, AT_FDCWD, from, AT_FDCWD, to));
    return real(from, to);
}

int linkat(int from_at, const char *from, int to_at, const char *to, int flags)
{
    NEXT(int, "linkat", int, const char *, int, const char *, int);
    FAILS(at_path("link", NEEDS_RIGHT | NEEDS_DISK | NEEDS_ROOM, from_at, from, to_at, to));
    return real(from_at, from, to_at, to, flags);
}

int unlink(const char *path)
{
    NEXT(int, "unlink", const char *);
    FAILS(at_path("unlink", NEEDS_RIGHT | NEEDS_DISK, AT_FDCWD, path, 0, NULL));
    return real(path);
}

int unlinkat(int at, const char *path, int flags)
{
    NEXT(int, "unlinkat", int, const char *, int);
    FAILS(at_path("unlink", NEEDS_RIGHT | NEEDS_DISK, at, path, 0, NULL));
    return real(at, path, flags);
}

int rmdir(const char *path)
{
    NEXT(int, "rmdir", const char *);
    FAILS(at_path("rmdir", NEEDS_RIGHT | NEEDS_DISK, AT_FDCWD, path, 0, NULL));
    return real(path);
}

int mkdir(const char *path, mode_t mode)
{
    NEXT(int, "mkdir", const char *, mode_t);
    FAILS(at_path("mkdir", NEEDS_RIGHT | NEEDS_DISK | NEEDS_ROOM, AT_FDCWD, path, 0, NULL));
    return real(path, mode);
}

int mkdirat(int at, const char *path, mode_t mode)
{
    NEXT(int, "mkdirat", int, const char *, mode_t);
    FAILS(at_path("mkdir", NEEDS_RIGHT | NEEDS_DISK | NEEDS_ROOM, at, path, 0, NULL));
    return real(at, path, mode);
}
