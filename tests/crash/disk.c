/* disk: between a process and its files, a disk that can lose power, run full and fail.

   Preloaded (LD_PRELOAD), it writes down every change below DISK_DIRECTORY in DISK_JOURNAL, in
   order, syncs included; power_loss.py makes from it what a disk would hold after a power cut.
   DISK_CONTROL is a file of numbers that tests change while the process runs: which change fails
   and how, and how far the clock is off. Syncs are not passed on: nobody cuts the power here. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { WRITES = 1, SYNCS = 2, NAMES = 4, READS = 8 };

static struct control {
    int64_t changes;      /* counted so far, over all processes */
    int64_t first;        /* the first change that fails; 0: none */
    int64_t last;         /* the last one */
    int64_t error;        /* how: an errno */
    int64_t kinds;        /* which: WRITES, SYNCS, NAMES; or READS, which are not counted */
    int64_t half;         /* whether the first of them, if a write, writes half of it */
    int64_t clock;        /* nanoseconds by which CLOCK_REALTIME is off */
} *control;

static const char *directory;
static int journal = -1;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("DISK_JOURNAL"), *numbers = getenv("DISK_CONTROL");
    directory = getenv("DISK_DIRECTORY");
    if (!directory || !path || !numbers) { directory = NULL; return; }
    journal = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    int descriptor = syscall(SYS_openat, AT_FDCWD, numbers, O_RDWR | O_CLOEXEC, 0);
    control = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    close(descriptor);
    if (journal < 0 || control == MAP_FAILED) { perror("disk"); abort(); }
    /* Out of the way: whoever closes every low descriptor must not close the journal. */
    int high = fcntl(journal, F_DUPFD_CLOEXEC, 900);
    if (high >= 0) { close(journal); journal = high; }
}

/* The path below the directory ("" for itself), or NULL when it is none of ours. */
static const char *below(const char *path) {
    size_t length = directory ? strlen(directory) : 0;
    if (!length || strncmp(path, directory, length)) return NULL;
    if (path[length] == 0) return "";
    return path[length] == '/' ? path + length + 1 : NULL;
}

static const char *path_of(int descriptor, char *found) {
    char link[40];
    if (!directory) return NULL;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, found, PATH_MAX - 1);
    if (length < 0) return NULL;
    found[length] = 0;
    if (length > 10 && !strcmp(found + length - 10, " (deleted)")) return NULL;
    return below(found);
}

static const char *absolute(const char *path, char *found) {
    if (!directory) return NULL;
    if (path[0] == '/') return below(path);
    char here[PATH_MAX];
    if (!getcwd(here, sizeof here)) return NULL;
    if (snprintf(found, PATH_MAX, "%s/%s", here, path) >= PATH_MAX) return NULL;
    return below(found);
}

/* One record, one write: kind, length of path, offset, length of content; path, content. */
static void record(char kind, const char *path, int64_t offset, const void *content, int64_t length) {
    int kept = errno;
    int32_t path_length = strlen(path);
    size_t size = 1 + 4 + 8 + 8 + path_length + length;
    char *whole = malloc(size), *at = whole;
    *at++ = kind;
    memcpy(at, &path_length, 4), at += 4;
    memcpy(at, &offset, 8), at += 8;
    memcpy(at, &length, 8), at += 8;
    memcpy(at, path, path_length), at += path_length;
    if (length) memcpy(at, content, length);
    if (syscall(SYS_write, journal, whole, size) != (ssize_t)size) { perror("disk journal"); abort(); }
    free(whole);
    errno = kept;
}

/* Count a change; whether it is one that fails. */
static int failing(int kind) {
    int64_t number = __atomic_add_fetch(&control->changes, 1, __ATOMIC_SEQ_CST);
    if (!control->first || number < control->first || number > control->last) return 0;
    if (!(control->kinds & kind)) return 0;
    errno = control->error;
    return 1;
}

/* Reads change nothing, so they are not counted: they fail as long as the next change would. */
static int unreadable(int descriptor) {
    char found[PATH_MAX];
    if (!control || !control->first || !(control->kinds & READS)) return 0;
    int64_t next = control->changes + 1;
    if (next < control->first || next > control->last || !path_of(descriptor, found)) return 0;
    errno = control->error;
    return 1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t pread64(int descriptor, void *content, size_t length, off64_t offset) {
    static __typeof__(&pread64) real;
    if (!real) real = REAL(pread64);
    return unreadable(descriptor) ? -1 : real(descriptor, content, length, offset);
}

ssize_t pread(int descriptor, void *content, size_t length, off_t offset) {
    return pread64(descriptor, content, length, offset);
}

ssize_t read(int descriptor, void *content, size_t length) {
    static __typeof__(&read) real;
    if (!real) real = REAL(read);
    return unreadable(descriptor) ? -1 : real(descriptor, content, length);
}

ssize_t pwrite64(int descriptor, const void *content, size_t length, off64_t offset) {
    static __typeof__(&pwrite64) real;
    char found[PATH_MAX];
    if (!real) real = REAL(pwrite64);
    const char *path = path_of(descriptor, found);
    if (!path) return real(descriptor, content, length, offset);
    int64_t before = control->changes;
    if (failing(WRITES)) {
        if (!control->half || before + 1 != control->first || length < 2) return -1;
        length /= 2;
    }
    ssize_t written = real(descriptor, content, length, offset);
    if (written > 0) record('W', path, offset, content, written);
    return written;
}

ssize_t pwrite(int descriptor, const void *content, size_t length, off_t offset) {
    return pwrite64(descriptor, content, length, offset);
}

ssize_t write(int descriptor, const void *content, size_t length) {
    static __typeof__(&write) real;
    char found[PATH_MAX];
    if (!real) real = REAL(write);
    const char *path = descriptor > 2 ? path_of(descriptor, found) : NULL;
    if (!path) return real(descriptor, content, length);
    if (failing(WRITES)) return -1;
    off64_t offset = lseek64(descriptor, 0, SEEK_CUR);
    ssize_t written = real(descriptor, content, length);
    if (written > 0) record('W', path, offset, content, written);
    return written;
}

int ftruncate64(int descriptor, off64_t length) {
    static __typeof__(&ftruncate64) real;
    char found[PATH_MAX];
    if (!real) real = REAL(ftruncate64);
    const char *path = path_of(descriptor, found);
    if (path && failing(WRITES)) return -1;
    int answer = real(descriptor, length);
    if (path && !answer) record('T', path, length, NULL, 0);
    return answer;
}

int ftruncate(int descriptor, off_t length) { return ftruncate64(descriptor, length); }

static int synced(int descriptor, int (*real)(int)) {
    char found[PATH_MAX];
    struct stat about;
    const char *path = path_of(descriptor, found);
    if (!path) return real(descriptor);
    if (failing(SYNCS)) {
        record('F', path, 0, NULL, 0);
        return -1;
    }
    int is_directory = !fstat(descriptor, &about) && S_ISDIR(about.st_mode);
    record(is_directory ? 'D' : 'S', path, 0, NULL, 0);
    return 0;
}

int fsync(int descriptor) { return synced(descriptor, REAL(fsync)); }

int fdatasync(int descriptor) { return synced(descriptor, REAL(fdatasync)); }

static int opened(const char *name, int flags, mode_t mode) {
    char found[PATH_MAX];
    const char *path = flags & O_CREAT ? absolute(name, found) : NULL;
    struct stat about;
    int new_one = path && stat(name, &about);
    if (new_one && failing(NAMES)) return -1;
    int descriptor = syscall(SYS_openat, AT_FDCWD, name, flags, mode);
    if (new_one && descriptor >= 0) record('C', path, 0, NULL, 0);
    return descriptor;
}

int open64(const char *name, int flags, ...) {
    va_list more;
    va_start(more, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
    va_end(more);
    return opened(name, flags, mode);
}

int open(const char *name, int flags, ...) {
    va_list more;
    va_start(more, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
    va_end(more);
    return opened(name, flags, mode);
}

int unlink(const char *name) {
    static __typeof__(&unlink) real;
    char found[PATH_MAX];
    if (!real) real = REAL(unlink);
    const char *path = absolute(name, found);
    if (path && failing(NAMES)) return -1;
    int answer = real(name);
    if (path && !answer) record('U', path, 0, NULL, 0);
    return answer;
}

int rename(const char *name, const char *other) {
    static __typeof__(&rename) real;
    char found[PATH_MAX], found_other[PATH_MAX];
    if (!real) real = REAL(rename);
    const char *path = absolute(name, found), *new_path = absolute(other, found_other);
    if (path && new_path && failing(NAMES)) return -1;
    int answer = real(name, other);
    if (path && new_path && !answer) record('R', path, 0, new_path, strlen(new_path));
    return answer;
}

int mkdir(const char *name, mode_t mode) {
    static __typeof__(&mkdir) real;
    char found[PATH_MAX];
    if (!real) real = REAL(mkdir);
    const char *path = absolute(name, found);
    if (path && failing(NAMES)) return -1;
    int answer = real(name, mode);
    if (path && !answer) record('M', path, 0, NULL, 0);
    return answer;
}

int clock_gettime(clockid_t which, struct timespec *now) {
    int answer = syscall(SYS_clock_gettime, which, now);
    if (!answer && which == CLOCK_REALTIME && control && control->clock) {
        int64_t off = control->clock + now->tv_nsec;
        now->tv_sec += off / 1000000000;
        now->tv_nsec = off % 1000000000;
        if (now->tv_nsec < 0) now->tv_nsec += 1000000000, now->tv_sec -= 1;
    }
    return answer;
}
