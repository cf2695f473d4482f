/* Records what a program does to the files below one folder, so that a power cut can be played
 * afterwards at any moment: which bytes it wrote where, and what it had synced by then.
 *
 * Preloaded (LD_PRELOAD). RECORDED_FOLDER names the folder, RECORDED_TO the file to append to. A
 * record is `struct record` and `length` bytes: what was written, or the path, relative to the
 * folder. Calls that change something are made one at a time, so the records are in their order.
 * While the file RECORDED_TROUBLE is there, its calls fail: `w 28` those that write, `s 5` those that
 * sync, with this errno.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { OPENED = 1, CREATED, WROTE, TRUNCATED, SYNCED, RENAMED, REMOVED };

struct record {
    uint8_t kind;
    uint8_t unused[3];
    uint32_t file; /* the number that OPENED or CREATED gave it; of RENAMED the length of the first path */
    uint64_t offset; /* of TRUNCATED the new length */
    uint64_t length; /* of what follows */
};

#define FILES_MAX 65536
static uint32_t numbers[FILES_MAX]; /* of open files; 0 for those of no interest */
static uint32_t last_number;
static int trace = -1;
static char folder[PATH_MAX];
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void begin(void) {
    const char *of = getenv("RECORDED_FOLDER"), *to = getenv("RECORDED_TO");
    if (of && to && strlen(of) < sizeof folder) {
        strcpy(folder, of);
        trace = syscall(SYS_openat, AT_FDCWD, to, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    }
}

static void put(const void *bytes, size_t length) {
    const char *at = bytes;
    while (length > 0) {
        ssize_t done = syscall(SYS_write, trace, at, length);
        if (done <= 0) abort(); /* a record that is not whole would falsify the test */
        at += done;
        length -= done;
    }
}

static void record(uint8_t kind, uint32_t file, uint64_t offset, const void *bytes, size_t length) {
    struct record head = { kind, { 0 }, file, offset, length };
    put(&head, sizeof head);
    put(bytes, length);
}

/* The part of a path below the folder; NULL for others. The index that readers share in memory
 * is not data: it is made anew. */
static const char *below(const char *path) {
    size_t length = strlen(folder), all = strlen(path);
    if (trace < 0 || strncmp(path, folder, length) != 0 || (path[length] != '/' && path[length]))
        return NULL;
    if (all > 4 && strcmp(path + all - 4, "-shm") == 0) return NULL;
    return path[length] ? path + length + 1 : path + length;
}

/* The errno that a call of this kind fails with at the moment; 0 for none. */
static int trouble(char kind) {
    const char *path = getenv("RECORDED_TROUBLE");
    int fd = path ? syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0) : -1;
    if (fd < 0) return 0;
    char text[16] = "", wanted = 0;
    int error = 0;
    if (syscall(SYS_read, fd, text, sizeof text - 1) > 0) sscanf(text, "%c %d", &wanted, &error);
    syscall(SYS_close, fd);
    return wanted == kind ? error : 0;
}

static uint32_t number(int fd) { return fd >= 0 && fd < FILES_MAX ? numbers[fd] : 0; }

static int opening(int at, const char *path, int flags, mode_t mode) {
    const char *name = path[0] == '/' ? below(path) : NULL;
    if (!name) return syscall(SYS_openat, at, path, flags, mode);
    pthread_mutex_lock(&turn);
    struct stat before;
    int is_new = (flags & O_CREAT) && stat(path, &before) != 0;
    int fd = syscall(SYS_openat, at, path, flags, mode), error = errno;
    if (fd >= 0 && fd < FILES_MAX) {
        numbers[fd] = ++last_number;
        record(is_new ? CREATED : OPENED, last_number, 0, name, strlen(name));
        if (flags & O_TRUNC) record(TRUNCATED, last_number, 0, "", 0);
    }
    pthread_mutex_unlock(&turn);
    errno = error;
    return fd;
}

#define OPEN(NAME) \
    int NAME(const char *path, int flags, ...) { \
        va_list more; va_start(more, flags); mode_t mode = va_arg(more, mode_t); va_end(more); \
        return opening(AT_FDCWD, path, flags, mode); }
#define OPENAT(NAME) \
    int NAME(int at, const char *path, int flags, ...) { \
        va_list more; va_start(more, flags); mode_t mode = va_arg(more, mode_t); va_end(more); \
        return opening(at, path, flags, mode); }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

int close(int fd) {
    if (!number(fd)) return syscall(SYS_close, fd);
    pthread_mutex_lock(&turn);
    numbers[fd] = 0;
    int result = syscall(SYS_close, fd), error = errno;
    pthread_mutex_unlock(&turn);
    errno = error;
    return result;
}

static ssize_t writing(int fd, const void *bytes, size_t length, off_t offset) {
    if ((errno = trouble('w'))) return -1;
    pthread_mutex_lock(&turn);
    ssize_t done = syscall(SYS_pwrite64, fd, bytes, length, offset);
    int error = errno;
    if (done > 0) record(WROTE, number(fd), offset, bytes, done);
    pthread_mutex_unlock(&turn);
    errno = error;
    return done;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
    return number(fd) ? writing(fd, bytes, length, offset)
                      : syscall(SYS_pwrite64, fd, bytes, length, offset);
}
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
    return pwrite(fd, bytes, length, offset);
}

ssize_t write(int fd, const void *bytes, size_t length) {
    if (!number(fd)) return syscall(SYS_write, fd, bytes, length);
    if ((errno = trouble('w'))) return -1;
    int is_appending = fcntl(fd, F_GETFL) & O_APPEND;
    off_t at = lseek(fd, 0, is_appending ? SEEK_END : SEEK_CUR);
    pthread_mutex_lock(&turn);
    ssize_t done = syscall(SYS_write, fd, bytes, length);
    int error = errno;
    if (done > 0) record(WROTE, number(fd), at, bytes, done);
    pthread_mutex_unlock(&turn);
    errno = error;
    return done;
}

static int noted(int fd, int kind, long call, long argument) {
    if (!number(fd)) return syscall(call, fd, argument);
    if ((errno = trouble(kind == SYNCED ? 's' : 'w'))) return -1;
    pthread_mutex_lock(&turn);
    int result = syscall(call, fd, argument), error = errno;
    if (result == 0) record(kind, number(fd), kind == TRUNCATED ? argument : 0, "", 0);
    pthread_mutex_unlock(&turn);
    errno = error;
    return result;
}

int ftruncate(int fd, off_t length) { return noted(fd, TRUNCATED, SYS_ftruncate, length); }
int ftruncate64(int fd, off64_t length) { return noted(fd, TRUNCATED, SYS_ftruncate, length); }
int fsync(int fd) { return noted(fd, SYNCED, SYS_fsync, 0); }
int fdatasync(int fd) { return noted(fd, SYNCED, SYS_fdatasync, 0); }

int rename(const char *from, const char *to) {
    const char *source = below(from), *target = below(to);
    if (!source || !target) return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    pthread_mutex_lock(&turn);
    int result = syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0), error = errno;
    if (result == 0) {
        char both[2 * PATH_MAX];
        size_t first = strlen(source), second = strlen(target);
        memcpy(both, source, first);
        memcpy(both + first, target, second);
        record(RENAMED, first, 0, both, first + second);
    }
    pthread_mutex_unlock(&turn);
    errno = error;
    return result;
}

int unlink(const char *path) {
    const char *name = below(path);
    if (!name) return syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    pthread_mutex_lock(&turn);
    int result = syscall(SYS_unlinkat, AT_FDCWD, path, 0), error = errno;
    if (result == 0) record(REMOVED, 0, 0, name, strlen(name));
    pthread_mutex_unlock(&turn);
    errno = error;
    return result;
}
