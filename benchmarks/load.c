/* load.c - a load generator for the claw-socket protocol, on one thread.
 *
 * K readers subscribe to everything, then one writer makes N marked events and a last one, whose mark has the index N.
 * A run ends when every reader has seen that one. Frames are not parsed: they are counted, and a mark is looked for.
 *
 *     load --port PORT [--token TOKEN] [options]
 *
 *     --readers K        readers (1)                --stalled S        further readers that stop reading, until the
 *     --events N         events (1000)                                 others are done, and then read on (0)
 *     --writer http      POST /hook in the original's form, on --connections keep-alive connections (8), or
 *                        with --close a new connection for each
 *     --writer lines     user lines, appended to the transcript --path
 *     --writer spool     hook payloads of Claude Code, put into the spool folder --path
 *     --writer none      nothing: what is to come is already in the server's log
 *     --payload BYTES    size of an event's content, about (1024)
 *     --rate R           events a second, evenly but for some jitter; else as fast as answers come
 *     --session ID       (bench-session)            --since SEQ        subscribe from there
 *     --filters N        the readers have so many different filters, in turn; else all want everything
 *     --hold SECONDS     write nothing, keep the readers, measure the server
 *     --pid PID          the server, to measure its CPU time and memory
 *     --timeout SECONDS  give up then (60)
 *
 * Prints one JSON object, of which README.md tells.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MARK "BENCH:0000000000000000000:000000000"  /* time in ns, index */
enum { TIME_DIGITS = 19, INDEX_DIGITS = 9, READ_SIZE = 1 << 20, ANSWER_SIZE = 1 << 16, BATCH = 64 };

static struct {
    int port, readers, stalled, connections, payload, pid, filters;
    long events;
    bool close;
    double rate, hold, timeout;
    const char *token, *writer, *path, *session, *since;
} options = {.readers = 1, .connections = 8, .payload = 1024, .events = 1000, .timeout = 60,
             .token = "", .writer = "http", .session = "bench-session"};

enum stage { HANDSHAKE, SNAPSHOT, SUBSCRIBING, READING };

struct reader {
    bool is_reader;                /* first in both structs: epoll gives back a pointer to either */
    int fd;                        /* -1 when closed */
    enum stage stage;
    bool stalled, done;
    char *rest;                    /* the beginning of a frame */
    size_t rest_size, rest_room;
    uint8_t *seen;                 /* a bit for each index */
    long distinct, repeated, disordered, last;
    uint64_t last_at;
};

struct poster {
    bool is_reader;
    int fd;
    bool waiting;                  /* for an answer */
    char *request, answer[ANSWER_SIZE];
    size_t unsent, answer_size;
};

static struct reader *readers;
static struct poster *posters;
static struct sockaddr_in address;
static int epoll, writer_fd = -1, done_count, ready_count, closed_count, snapshot_count;
static long written, answered, refused;
static uint64_t next_due, posted_at;
static char *buffer;
static uint32_t *latencies;        /* in 100 ns */
static size_t latency_count, latency_room;

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static void fail(const char *what) {
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void watch(void *owner, int fd, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = owner};
    if (epoll_ctl(epoll, operation, fd, &event) < 0) fail("epoll_ctl");
}

static int connect_to_server(int flags) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0), one = 1;
    if (fd < 0) fail("socket");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, (void *)&address, sizeof address) < 0 && errno != EINPROGRESS) fail("connect");
    return fd;
}

/* ---- what is written: a text with places for the mark, and for an id ---- */

static struct {
    char *text, *time, *index, *id;
    size_t size;
} template;

static void put_digits(char *place, uint64_t value, int width) {
    while (width-- > 0) {
        place[width] = '0' + value % 10;
        value /= 10;
    }
}

static uint64_t take_digits(const char *place, int width) {
    uint64_t value = 0;
    while (width-- > 0) value = value * 10 + (*place++ - '0');
    return value;
}

/* A POST is late if it waits for its turn, so with a rate its time is the one when it was due. */
static void fill_template(long index) {
    bool was_due = options.rate > 0 && index < options.events && !strcmp(options.writer, "http");
    put_digits(template.time, was_due ? next_due : now_ns(), TIME_DIGITS);
    put_digits(template.index, index, INDEX_DIGITS);
    if (template.id) put_digits(template.id, index, INDEX_DIGITS);
}

static char *padding(int size) {
    static const char text[] =
        "cd /srv/app && npm run build --workspace=packages/core 2>&1 | tail -40; grep -rn 'useEffect' src/components "
        "--include=*.tsx; export function render(props) { return props.items.map(i => i.id); } ";
    char *result = calloc(1, size + 1);
    for (int i = 0; i < size; i++) result[i] = text[i % (sizeof text - 1)];
    return result;
}

static void make_template(void) {
    char *pad = padding(options.payload > 260 ? options.payload - 260 : 0), *body = 0;
    if (!strcmp(options.writer, "lines")) {
        char stamp[32];
        time_t now = time(0);
        strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S.000Z", gmtime(&now));
        asprintf(&template.text,
                 "{\"type\":\"user\",\"message\":{\"role\":\"user\",\"content\":\"" MARK " %s\"},"
                 "\"uuid\":\"00000000-0000-4000-8000-000000000000\",\"timestamp\":\"%s\",\"sessionId\":\"%s\","
                 "\"cwd\":\"/srv/app\",\"isSidechain\":false}\n", pad, stamp, options.session);
        template.id = strstr(template.text, "-8000-") + 9;
    } else if (!strcmp(options.writer, "spool")) {
        asprintf(&template.text,
                 "{\"session_id\":\"%s\",\"cwd\":\"/srv/app\",\"hook_event_name\":\"Notification\",\"message\":\"" MARK " %s\"}",
                 options.session, pad);
    } else {
        asprintf(&body,
                 "{\"type\":\"Notification\",\"sessionId\":\"%s\",\"data\":{\"mark\":\"" MARK "\","
                 "\"hook_event_name\":\"Notification\",\"cwd\":\"/srv/app\",\"permission_mode\":\"default\",\"tool_name\":\"Bash\","
                 "\"tool_use_id\":\"toolu_01ABCDEF\",\"tool_input\":{\"command\":\"%s\",\"timeout\":120000}}}",
                 options.session, pad);
        asprintf(&template.text,
                 "POST /hook HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: load\r\nAccept: */*\r\n"
                 "Content-Type: application/json\r\nAuthorization: Bearer %s\r\nContent-Length: %zu\r\n%s\r\n%s",
                 options.port, options.token, strlen(body), options.close ? "Connection: close\r\n" : "", body);
    }
    template.size = strlen(template.text);
    template.time = strstr(template.text, MARK) + 6;
    template.index = template.time + TIME_DIGITS + 1;
    free(pad);
    free(body);
}

/* ---- readers ---- */

static void reader_send(struct reader *r, int opcode, const char *data, size_t size) {
    unsigned char frame[2048];
    size_t head = 0;
    frame[head++] = 0x80 | opcode;
    if (size < 126) {
        frame[head++] = 0x80 | size;
    } else {
        frame[head++] = 0x80 | 126;
        frame[head++] = size >> 8;
        frame[head++] = size;
    }
    memset(frame + head, 0, 4);    /* a mask that changes nothing */
    memcpy(frame + head + 4, data, size);
    if (write(r->fd, frame, head + 4 + size) < 0) fail("write to the server");
}

static void reader_done(struct reader *r) {
    if (!r->done) {
        r->done = true;
        done_count++;
    }
}

static void reader_close(struct reader *r) {
    close(r->fd);
    r->fd = -1;
    closed_count++;
    reader_done(r);
}

static void subscribe(struct reader *r) {
    char message[512];
    const char *since = options.since ? options.since : "";
    char topics[64] = "\"*\"";
    if (options.filters) sprintf(topics, "\"hook.*\",\"bench.%d\"", snapshot_count % options.filters);
    int size = sprintf(message, "{\"type\":\"subscribe\",\"topics\":[%s]%s%s}", topics, *since ? ",\"sinceSeq\":" : "", since);
    reader_send(r, 1, message, size);
    r->stage = SUBSCRIBING;
    snapshot_count++;
}

static void take_mark(struct reader *r, const char *mark, uint64_t now) {
    uint64_t then = take_digits(mark + 6, TIME_DIGITS);
    long index = take_digits(mark + 6 + TIME_DIGITS + 1, INDEX_DIGITS);
    if (index > options.events) return;
    r->last_at = now;
    if (r->seen[index >> 3] & 1 << (index & 7)) {
        r->repeated++;
    } else {
        r->seen[index >> 3] |= 1 << (index & 7);
        r->distinct++;
        if (index < r->last) r->disordered++;
        r->last = index;
    }
    if (latency_count < latency_room && index < options.events) latencies[latency_count++] = (now - then) / 100;
    if (index == options.events) reader_done(r);
}

static void take_text(struct reader *r, const char *text, size_t size, uint64_t now) {
    if (r->stage == SNAPSHOT) {
        subscribe(r);
    } else if (r->stage == SUBSCRIBING) {
        if (size < 400 && memmem(text, size, "\"subscribed\"", 12)) {
            r->stage = READING;
            ready_count++;
        }
    } else {
        const char *mark = memmem(text, size, MARK, 6);
        if (mark && mark + sizeof MARK - 1 <= text + size) take_mark(r, mark, now);
    }
}

/* Returns the size of the frame at data, 0 if it is not whole; sets where its payload begins. */
static size_t frame_size(const unsigned char *data, size_t size, size_t *head) {
    if (size < 2) return 0;
    uint64_t payload = data[1] & 127;
    int more = payload == 126 ? 2 : payload == 127 ? 8 : 0;
    *head = 2 + more;
    if (size < *head) return 0;
    if (more) payload = 0;
    for (int i = 0; i < more; i++) payload = payload << 8 | data[2 + i];
    return size - *head < payload ? 0 : *head + payload;
}

static char *take_handshake(struct reader *r, char *data, size_t size) {
    char *end = memmem(data, size, "\r\n\r\n", 4);
    if (!end) return data;
    if (memcmp(data, "HTTP/1.1 101", 12)) {
        fprintf(stderr, "load: refused: %.*s\n", (int)(end - data), data);
        exit(1);
    }
    r->stage = SNAPSHOT;
    return end + 4;
}

static void reader_keep(struct reader *r, const char *data, size_t size) {
    if (size >= READ_SIZE) fail("a frame is too big");
    if (size > r->rest_room) {
        r->rest_room = size * 2;
        r->rest = realloc(r->rest, r->rest_room);
    }
    memcpy(r->rest, data, size);
    r->rest_size = size;
}

static void reader_receive(struct reader *r) {
    memcpy(buffer, r->rest, r->rest_size);
    ssize_t size = read(r->fd, buffer + r->rest_size, READ_SIZE - r->rest_size);
    if (size <= 0) {
        if (size == 0 || (errno != EAGAIN && errno != EINTR)) reader_close(r);
        return;
    }
    uint64_t now = now_ns();
    char *at = buffer, *end = buffer + r->rest_size + size;
    if (r->stage == HANDSHAKE) at = take_handshake(r, at, end - at);
    size_t whole, head;
    while (r->stage != HANDSHAKE && (whole = frame_size((unsigned char *)at, end - at, &head))) {
        int opcode = at[0] & 15;
        if (opcode == 1) take_text(r, at + head, whole - head, now);
        if (opcode == 9) reader_send(r, 10, at + head, whole - head);
        if (opcode == 8) {
            reader_close(r);
            return;
        }
        at += whole;
    }
    reader_keep(r, at, end - at);
}

/* ---- writers ---- */

static bool may_write(void) {
    return written < options.events && (options.rate == 0 || next_due <= now_ns());
}

static void count_written(void) {
    written++;
    if (options.rate > 0) next_due += 1e9 / options.rate * (0.7 + 0.6 * drand48());
}

static void poster_flush(struct poster *p) {
    while (p->unsent > 0) {
        ssize_t sent = write(p->fd, p->request + template.size - p->unsent, p->unsent);
        if (sent < 0) {
            if (errno != EAGAIN && errno != ENOTCONN) fail("write to the server");
            watch(p, p->fd, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
            return;
        }
        p->unsent -= sent;
    }
}

static void poster_open(struct poster *p) {
    p->fd = connect_to_server(SOCK_NONBLOCK);
    p->answer_size = 0;
    watch(p, p->fd, EPOLL_CTL_ADD, EPOLLIN);
}

static void post(struct poster *p, long index) {
    if (p->fd < 0) poster_open(p);
    fill_template(index);
    memcpy(p->request, template.text, template.size);
    p->unsent = template.size;
    p->waiting = true;
    poster_flush(p);
}

static void post_more(void) {
    for (int i = 0; i < options.connections && may_write(); i++)
        if (!posters[i].waiting) {
            post(&posters[i], written);
            count_written();
        }
}

static bool take_answer(struct poster *p) {
    char *end = memmem(p->answer, p->answer_size, "\r\n\r\n", 4);
    if (!end) return false;
    *end = 0;
    char *length = strcasestr(p->answer, "content-length:");
    *end = '\r';
    if (p->answer_size < end + 4 - p->answer + (length ? atol(length + 15) : 0)) return false;
    if (p->answer[9] != '2') {
        fprintf(stderr, "load: refused: %.*s\n", (int)p->answer_size, p->answer);
        refused++;
    }
    answered++;
    return true;
}

static void poster_close(struct poster *p) {
    struct linger at_once = {1, 0};  /* no port is left waiting */
    setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(p->fd);
    p->fd = -1;
}

static void poster_receive(struct poster *p) {
    ssize_t size = read(p->fd, p->answer + p->answer_size, ANSWER_SIZE - p->answer_size);
    if (size <= 0) {
        if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
        errno = size < 0 ? errno : ECONNRESET;
        if (p->waiting) fail("the server closed a connection");
        poster_close(p);
        return;
    }
    p->answer_size += size;
    if (take_answer(p)) {
        p->answer_size = 0;
        p->waiting = false;
        if (options.close) poster_close(p);
    }
}

static void write_http(void) {
    post_more();
    if (answered == options.events && !posted_at) {
        posted_at = now_ns();
        if (options.readers > 0) post(&posters[0], options.events);
    }
}

static void write_lines(void) {
    for (int i = 0; i < BATCH && (may_write() || written == options.events); i++) {
        fill_template(written);
        if (write(writer_fd, template.text, template.size) != (ssize_t)template.size) fail(options.path);
        if (written == options.events) posted_at = now_ns();
        count_written();
    }
}

static void write_spool(void) {
    char partial[64], name[64];
    for (int i = 0; i < BATCH && (may_write() || written == options.events); i++) {
        sprintf(name, "%ld.json", 10000000 + written);
        sprintf(partial, ".%ld", 10000000 + written);
        fill_template(written);
        int fd = openat(writer_fd, partial, O_WRONLY | O_CREAT | O_EXCL, 0600);
        if (fd < 0 || write(fd, template.text, template.size) != (ssize_t)template.size) fail(options.path);
        close(fd);
        if (renameat(writer_fd, partial, writer_fd, name) < 0) fail(options.path);
        if (written == options.events) posted_at = now_ns();
        count_written();
    }
}

static void write_none(void) {
    if (!posted_at) posted_at = now_ns();
}

static void (*choose_writer(void))(void) {
    if (!strcmp(options.writer, "lines")) return write_lines;
    if (!strcmp(options.writer, "spool")) return write_spool;
    if (!strcmp(options.writer, "none")) return write_none;
    return write_http;
}

static void open_writer(void) {
    make_template();
    if (!strcmp(options.writer, "lines")) writer_fd = open(options.path, O_WRONLY | O_APPEND | O_CREAT, 0600);
    if (!strcmp(options.writer, "spool")) writer_fd = open(options.path, O_RDONLY | O_DIRECTORY);
    if (options.path && writer_fd < 0) fail(options.path);
    posters = calloc(options.connections, sizeof *posters);
    for (int i = 0; i < options.connections; i++) {
        posters[i].fd = -1;
        posters[i].request = malloc(template.size);
    }
}

/* ---- the server's process ---- */

static double cpu_seconds(void) {
    char path[600];
    double total = 0;
    sprintf(path, "/proc/%d/task", options.pid);
    DIR *tasks = opendir(path);
    for (struct dirent *task; tasks && (task = readdir(tasks));) {
        unsigned long ns;
        snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", options.pid, task->d_name);
        FILE *file = task->d_name[0] == '.' ? 0 : fopen(path, "r");
        if (!file) continue;
        if (fscanf(file, "%lu", &ns) == 1) total += ns / 1e9;
        fclose(file);
    }
    if (tasks) closedir(tasks);
    return total;
}

static double resident_mb(void) {
    char path[64];
    long pages = 0;
    sprintf(path, "/proc/%d/statm", options.pid);
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    if (fscanf(file, "%*d %ld", &pages) != 1) pages = 0;
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE) / 1e6;
}

/* ---- a run ---- */

static void poll_once(uint64_t wait_ns) {
    struct epoll_event events[512];
    struct timespec wait = {wait_ns / 1000000000, wait_ns % 1000000000};
    int ready = epoll_pwait2(epoll, events, 512, &wait, 0);
    for (int i = 0; i < ready; i++) {
        struct reader *r = events[i].data.ptr;
        struct poster *p = events[i].data.ptr;
        if (r->is_reader) {
            reader_receive(r);
            continue;
        }
        if (events[i].events & EPOLLOUT) {
            watch(p, p->fd, EPOLL_CTL_MOD, EPOLLIN);
            poster_flush(p);
        }
        if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) poster_receive(p);
    }
}

static void open_reader(struct reader *r) {
    char request[1024];
    int size = sprintf(request, "GET /?token=%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
                       options.token, options.port);
    r->is_reader = true;
    r->last = -1;
    r->seen = calloc(1, options.events / 8 + 1);
    r->fd = connect_to_server(0);
    if (write(r->fd, request, size) != size) fail("write to the server");
    fcntl(r->fd, F_SETFL, O_NONBLOCK);
    watch(r, r->fd, EPOLL_CTL_ADD, EPOLLIN);
}

static void open_readers(void) {
    int count = options.readers + options.stalled;
    uint64_t limit = now_ns() + 20 * 1000000000ull;
    readers = calloc(count + 1, sizeof *readers);
    for (int i = 0; i < count; i++) {
        open_reader(&readers[i]);
        while (i % 20 == 19 && snapshot_count + closed_count <= i && now_ns() < limit) poll_once(20000000);
    }
    while (ready_count + closed_count < count && now_ns() < limit) poll_once(20000000);
    errno = ETIMEDOUT;
    if (ready_count < count) fail("readers are not ready");
    for (int i = options.readers; i < count; i++) {
        readers[i].stalled = true;
        watch(&readers[i], readers[i].fd, EPOLL_CTL_DEL, 0);
    }
}

static uint64_t time_to_wait(void) {
    if (options.rate == 0) return posted_at || !strcmp(options.writer, "http") ? 20000000 : 0;
    uint64_t now = now_ns();
    return next_due <= now ? 0 : next_due - now < 20000000 ? next_due - now : 20000000;
}

/* Writes and reads until `wanted` readers are done; false when time is up, or something was refused. */
static bool run(int wanted, uint64_t limit) {
    void (*write_some)(void) = choose_writer();
    for (;;) {
        write_some();
        if (wanted > 0 ? done_count >= wanted : posted_at > 0) return true;
        if (now_ns() > limit || refused > 0) return false;
        poll_once(time_to_wait());
    }
}

static void resume_stalled(void) {
    for (int i = options.readers; i < options.readers + options.stalled; i++)
        watch(&readers[i], readers[i].fd, EPOLL_CTL_ADD, EPOLLIN);
}

static int compare(const void *a, const void *b) {
    uint32_t x = *(uint32_t *)a, y = *(uint32_t *)b;
    return (x > y) - (x < y);
}

static double latency_ms(double quantile) {
    return latency_count ? latencies[(size_t)(quantile * (latency_count - 1) + 0.5)] / 1e4 : 0;
}

static void report(bool finished, uint64_t started, double cpu, double before, double after) {
    long distinct = 0, repeated = 0, disordered = 0, stalled = 0;
    uint64_t last = posted_at;
    for (int i = 0; i < options.readers + options.stalled; i++) {
        struct reader *r = &readers[i];
        *(r->stalled ? &stalled : &distinct) += r->distinct;
        repeated += r->repeated;
        disordered += r->disordered;
        if (!r->stalled && r->last_at > last) last = r->last_at;
    }
    double seconds = (last - started) / 1e9, posting = (posted_at - started) / 1e9;
    qsort(latencies, latency_count, sizeof *latencies, compare);
    printf("{\"finished\":%s,\"seconds\":%.6f,\"posts_per_s\":%.1f,\"refused\":%ld,\"delivered\":%ld,\"delivered_per_s\":%.1f,"
           "\"lost\":%ld,\"stalled_lost\":%ld,\"repeated\":%ld,\"disordered\":%ld,\"closed\":%d,\"cpu_s\":%.6f,"
           "\"rss_before_mb\":%.2f,\"rss_after_mb\":%.2f,\"p50_ms\":%.4f,\"p99_ms\":%.4f,\"max_ms\":%.4f}\n",
           finished ? "true" : "false", seconds, posting > 0 ? options.events / posting : 0, refused, distinct,
           seconds > 0 ? distinct / seconds : 0, (options.events + 1) * options.readers - distinct,
           (options.events + 1) * options.stalled - stalled, repeated, disordered, closed_count, cpu, before, after,
           latency_ms(0.5), latency_ms(0.99), latency_ms(1));
}

static int parse_options(int argc, char **argv) {
    static const struct option known[] = {
        {"port", 1, 0, 'p'}, {"token", 1, 0, 't'}, {"readers", 1, 0, 'k'}, {"stalled", 1, 0, 's'}, {"events", 1, 0, 'n'},
        {"writer", 1, 0, 'w'}, {"connections", 1, 0, 'c'}, {"close", 0, 0, 'C'}, {"path", 1, 0, 'f'},
        {"payload", 1, 0, 'b'}, {"rate", 1, 0, 'r'}, {"session", 1, 0, 'i'}, {"since", 1, 0, 'S'}, {"hold", 1, 0, 'H'},
        {"pid", 1, 0, 'P'}, {"filters", 1, 0, 'F'}, {"timeout", 1, 0, 'o'}, {0}};
    for (int option; (option = getopt_long(argc, argv, "", known, 0)) != -1;) {
        switch (option) {
        case 'p': options.port = atoi(optarg); break;
        case 't': options.token = optarg; break;
        case 'k': options.readers = atoi(optarg); break;
        case 's': options.stalled = atoi(optarg); break;
        case 'n': options.events = atol(optarg); break;
        case 'w': options.writer = optarg; break;
        case 'c': options.connections = atoi(optarg); break;
        case 'C': options.close = true; break;
        case 'f': options.path = optarg; break;
        case 'b': options.payload = atoi(optarg); break;
        case 'r': options.rate = atof(optarg); break;
        case 'i': options.session = optarg; break;
        case 'S': options.since = optarg; break;
        case 'H': options.hold = atof(optarg); break;
        case 'P': options.pid = atoi(optarg); break;
        case 'F': options.filters = atoi(optarg); break;
        case 'o': options.timeout = atof(optarg); break;
        default: return 2;
        }
    }
    return 0;
}

int main(int argc, char **argv) {
    if (parse_options(argc, argv)) return 2;
    signal(SIGPIPE, SIG_IGN);
    srand48(42);
    address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(options.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    epoll = epoll_create1(EPOLL_CLOEXEC);
    buffer = malloc(READ_SIZE);
    latency_room = options.events * options.readers;
    latencies = malloc((latency_room + 1) * sizeof *latencies);
    open_writer();
    open_readers();

    double cpu = cpu_seconds(), before = resident_mb();
    uint64_t started = now_ns(), limit = started + options.timeout * 1e9;
    next_due = started;
    bool finished = true;
    if (options.hold > 0) {
        while (now_ns() < started + options.hold * 1e9) poll_once(50000000);
        posted_at = now_ns();
    } else {
        finished = run(options.readers, limit);
    }
    cpu = cpu_seconds() - cpu;
    double after = resident_mb();
    if (options.stalled > 0 && finished) {
        resume_stalled();
        finished = run(options.readers + options.stalled, limit);
    }
    report(finished, started, cpu, before, after);
    return 0;
}
