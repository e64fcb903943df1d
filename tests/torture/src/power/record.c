/* Writes down everything that a process does to the files of its database that a disk may lose: one record for each write, cut, creation and removal,
   two for each sync. A record is made under the lock under which the change is made, so that records are in the order of the changes.
   Where it is wanted a sync fails, once: the file POWER_FAIL says of what ('w': the database's log, 'd': the database) and which of them. It is removed
   then, so that the next process fares better. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define FILES_MAX 65536
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

struct record {
    uint8_t what, padding[3];
    uint32_t length;
    uint64_t file, at;
} __attribute__((packed));

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* The inode behind each descriptor that counts, the folder's included; 0 for all others. */
static uint64_t inodes[FILES_MAX];
/* What is behind it: 'w' the log, 'd' the database, 'j' its journal, 'f' the folder. */
static char kinds[FILES_MAX];
/* Of which files a sync is to fail, and after how many others. */
static const char *failure;
static char failing;
static int syncs_left;
static struct stat folder;
static uint64_t syncs;
static int records = -1;

__attribute__((constructor)) static void begin(void) {
    const char *log = getenv("POWER_LOG"), *path = getenv("POWER_FOLDER");
    if (!log || !path || stat(path, &folder)) return;
    syncs = (uint64_t)getpid() << 32;
    records = REAL(open64)(log, O_WRONLY | O_APPEND | O_CLOEXEC);
    failure = getenv("POWER_FAIL");
    FILE *wanted = failure ? fopen(failure, "r") : NULL;
    if (!wanted) return;
    if (fscanf(wanted, "%c %d", &failing, &syncs_left) != 2) abort();
    fclose(wanted);
}

static void note(char what, uint64_t file, uint64_t at, const void *bytes, size_t length) {
    struct record record = {.what = (uint8_t)what, .length = (uint32_t)length, .file = file, .at = at};
    struct iovec parts[2] = {{&record, sizeof record}, {(void *)bytes, length}};
    if (writev(records, parts, length ? 2 : 1) != (ssize_t)(sizeof record + length)) abort();
}

/* The name of a file of the database, without its folder; none for what a crash need not leave. */
static const char *name_of(const char *path) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t length = strlen(name);
    if (records < 0 || strncmp(name, "resonate.db", 11)) return NULL;
    if (length > 4 && !strcmp(name + length - 4, "-shm")) return NULL;
    if (length > 5 && !strcmp(name + length - 5, "-lock")) return NULL;
    return name;
}

static uint64_t inode_of(int file) {
    return file >= 0 && file < FILES_MAX ? inodes[file] : 0;
}

static int opened(int (*real)(const char *, int, ...), const char *path, int flags, mode_t mode) {
    const char *name = name_of(path);
    struct stat found;
    if (records < 0) return real(path, flags, mode);
    pthread_mutex_lock(&lock);
    int is_new = name && (flags & O_CREAT) && access(path, F_OK) != 0;
    int file = real(path, flags, mode);
    if (file >= 0 && file < FILES_MAX && !fstat(file, &found)) {
        int is_folder = found.st_ino == folder.st_ino && found.st_dev == folder.st_dev;
        inodes[file] = name || is_folder ? found.st_ino : 0;
        kinds[file] = !name ? 'f' : strstr(name, "-wal") ? 'w' : strchr(name, '-') ? 'j' : 'd';
        if (is_new) note('C', found.st_ino, 0, name, strlen(name));
    }
    pthread_mutex_unlock(&lock);
    return file;
}

#define OPEN(name)                                                        \
    int name(const char *path, int flags, ...) {                          \
        va_list rest;                                                     \
        va_start(rest, flags);                                            \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
        va_end(rest);                                                     \
        return opened(REAL(name), path, flags, mode);                     \
    }
OPEN(open)
OPEN(open64)

int close(int file) {
    if (inode_of(file)) inodes[file] = 0;
    return REAL(close)(file);
}

#define PWRITE(name, offset)                                                       \
    ssize_t name(int file, const void *bytes, size_t length, offset at) {          \
        uint64_t inode = inode_of(file);                                           \
        if (!inode) return REAL(name)(file, bytes, length, at);                    \
        pthread_mutex_lock(&lock);                                                 \
        ssize_t written = REAL(name)(file, bytes, length, at);                     \
        if (written > 0) note('W', inode, (uint64_t)at, bytes, (size_t)written);   \
        pthread_mutex_unlock(&lock);                                               \
        return written;                                                            \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

ssize_t write(int file, const void *bytes, size_t length) {
    uint64_t inode = inode_of(file);
    if (!inode) return REAL(write)(file, bytes, length);
    pthread_mutex_lock(&lock);
    off64_t at = lseek64(file, 0, SEEK_CUR);
    ssize_t written = REAL(write)(file, bytes, length);
    if (written > 0) note('W', inode, (uint64_t)at, bytes, (size_t)written);
    pthread_mutex_unlock(&lock);
    return written;
}

#define TRUNCATE(name, offset)                                 \
    int name(int file, offset length) {                        \
        uint64_t inode = inode_of(file);                       \
        if (!inode) return REAL(name)(file, length);           \
        pthread_mutex_lock(&lock);                             \
        int failed = REAL(name)(file, length);                 \
        if (!failed) note('T', inode, (uint64_t)length, "", 0); \
        pthread_mutex_unlock(&lock);                           \
        return failed;                                         \
    }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

/* Whether this is the sync that fails. */
static int fails(int file) {
    if (!failing || kinds[file] != failing || --syncs_left > 0) return 0;
    failing = 0;
    REAL(unlink)(failure);
    errno = EIO;
    return 1;
}

/* Others may write meanwhile: what was written before the first record is durable from the second one on, or lost for good where the sync has failed. */
#define SYNC(name)                                     \
    int name(int file) {                               \
        uint64_t inode = inode_of(file);               \
        if (!inode) return REAL(name)(file);           \
        pthread_mutex_lock(&lock);                     \
        uint64_t number = ++syncs;                     \
        note('S', inode, number, "", 0);               \
        int is_lost = fails(file);                     \
        if (is_lost) note('F', inode, number, "", 0);  \
        pthread_mutex_unlock(&lock);                   \
        if (is_lost) return -1;                        \
        int failed = REAL(name)(file);                 \
        if (failed) return failed;                     \
        pthread_mutex_lock(&lock);                     \
        note('E', inode, number, "", 0);               \
        pthread_mutex_unlock(&lock);                   \
        return 0;                                      \
    }
SYNC(fsync)
SYNC(fdatasync)

int unlink(const char *path) {
    const char *name = name_of(path);
    if (!name) return REAL(unlink)(path);
    pthread_mutex_lock(&lock);
    int failed = REAL(unlink)(path);
    if (!failed) note('U', 0, 0, name, strlen(name));
    pthread_mutex_unlock(&lock);
    return failed;
}
