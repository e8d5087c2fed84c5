/* cserver.c - the yardstick: a bare fan-out server in C.
 *
 * It speaks just enough of the protocol for load.c, checks nothing and parses no JSON: an event is a fixed envelope
 * around the body's "data", copied. Events are collected while the ready sockets are served, and go out with one write
 * per client and round. What it reaches is what the machine gives for that policy.
 *
 * Usage: cserver PORT     0 takes a free one; the port is printed when it listens.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CLIENTS = 4096, INPUT = 1 << 17, ROUND = 64 << 20, LARGEST_EVENT = 1 << 18 };

enum stage { REQUESTS, SUBSCRIBING, SUBSCRIBED };

struct connection {
    int fd;
    enum stage stage;
    int place;                     /* among the clients; -1 for none */
    char *input;                   /* INPUT bytes, a terminating 0 included */
    size_t input_size;
    char *unsent;                  /* what the socket did not take yet */
    size_t unsent_size, unsent_room;
};

static const char SWITCHING[] =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
static const char ACCEPTED[] =
    "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 21\r\n\r\n{\"status\":\"accepted\"}";

static struct connection *clients[MAX_CLIENTS];
static int client_count;
static int epoll;
static char *round_frames;         /* the frames of this round */
static size_t round_size;
static long seq;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void watch(struct connection *c, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = c};
    epoll_ctl(epoll, operation, c->fd, &event);
}

/* ---- writing ---- */

static void keep(struct connection *c, const char *data, size_t size) {
    if (c->unsent_size + size > c->unsent_room) {
        c->unsent_room = (c->unsent_size + size) * 2;
        c->unsent = realloc(c->unsent, c->unsent_room);
    }
    memcpy(c->unsent + c->unsent_size, data, size);
    if (c->unsent_size == 0) watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
    c->unsent_size += size;
}

static void send_bytes(struct connection *c, const char *data, size_t size) {
    if (c->unsent_size == 0) {
        ssize_t sent = write(c->fd, data, size);
        if (sent < 0) {
            if (errno != EAGAIN) return;
            sent = 0;
        }
        data += sent;
        size -= sent;
    }
    if (size > 0) keep(c, data, size);
}

static void send_unsent(struct connection *c) {
    ssize_t sent = write(c->fd, c->unsent, c->unsent_size);
    if (sent > 0) {
        c->unsent_size -= sent;
        memmove(c->unsent, c->unsent + sent, c->unsent_size);
    }
    if (c->unsent_size == 0) watch(c, EPOLL_CTL_MOD, EPOLLIN);
}

static size_t frame_head(char *head, size_t size) {
    head[0] = (char)0x81;
    if (size < 126) {
        head[1] = size;
        return 2;
    }
    if (size < 65536) {
        head[1] = 126;
        head[2] = size >> 8;
        head[3] = size;
        return 4;
    }
    head[1] = 127;
    for (int i = 0; i < 8; i++) head[2 + i] = (uint64_t)size >> (56 - 8 * i);
    return 10;
}

static void send_text(struct connection *c, const char *text) {
    char frame[512];
    size_t size = strlen(text), head = frame_head(frame, size);
    memcpy(frame + head, text, size);
    send_bytes(c, frame, head + size);
}

static void send_round(void) {
    for (int i = 0; i < client_count; i++) send_bytes(clients[i], round_frames, round_size);
    round_size = 0;
}

static void append_event(const char *data, size_t size) {
    char *frame = round_frames + round_size, *payload = frame + 10, head[10];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    size_t length = sprintf(payload, "{\"type\":\"hook.notification\",\"timestamp\":%ld,\"sessionId\":\"bench-session\",\"data\":",
                            now.tv_sec * 1000 + now.tv_nsec / 1000000);
    memcpy(payload + length, data, size);
    length += size;
    length += sprintf(payload + length, ",\"seq\":%ld}", seq++);
    size_t head_size = frame_head(head, length);
    memcpy(frame, head, head_size);
    memmove(frame + head_size, payload, length);
    round_size += head_size + length;
    if (round_size > ROUND - LARGEST_EVENT) send_round();
}

/* ---- reading ---- */

static void drop(struct connection *c) {
    if (c->place >= 0) {
        clients[c->place] = clients[--client_count];
        clients[c->place]->place = c->place;
    }
    close(c->fd);
    free(c->input);
    free(c->unsent);
    free(c);
}

static void take_hook(struct connection *c, char *body, size_t size) {
    char *data = memmem(body, size, "\"data\":", 7);
    if (data) append_event(data + 7, body + size - 1 - (data + 7));
    else append_event(body, size);
    send_bytes(c, ACCEPTED, sizeof ACCEPTED - 1);
}

static void upgrade(struct connection *c) {
    send_bytes(c, SWITCHING, sizeof SWITCHING - 1);
    send_text(c, "{\"type\":\"snapshot\",\"sessions\":[],\"agents\":[]}");
    c->stage = SUBSCRIBING;
    c->input_size = 0;
}

static void take_requests(struct connection *c) {
    char *end;
    while ((end = memmem(c->input, c->input_size, "\r\n\r\n", 4))) {
        if (c->input[0] == 'G') {
            upgrade(c);
            return;
        }
        char *length = strcasestr(c->input, "content-length:");
        size_t body = length ? atol(length + 15) : 0, whole = end + 4 - c->input + body;
        if (c->input_size < whole) return;
        take_hook(c, end + 4, body);
        c->input_size -= whole;
        memmove(c->input, c->input + whole, c->input_size + 1);
    }
}

static void subscribe(struct connection *c) {
    if (client_count == MAX_CLIENTS) return;
    c->place = client_count;
    clients[client_count++] = c;
    c->stage = SUBSCRIBED;
    send_text(c, "{\"type\":\"subscribed\",\"topics\":[\"*\"]}");
}

static void receive(struct connection *c) {
    ssize_t size = read(c->fd, c->input + c->input_size, INPUT - 1 - c->input_size);
    if (size <= 0) {
        if (size == 0 || errno != EAGAIN) drop(c);
        return;
    }
    c->input_size += size;
    c->input[c->input_size] = 0;
    if (c->stage == REQUESTS) {
        take_requests(c);
        return;
    }
    if (c->stage == SUBSCRIBING) subscribe(c);
    c->input_size = 0;
}

/* ---- running ---- */

static int listen_on(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (void *)&address, sizeof address) < 0 || listen(fd, 1024) < 0) fail("listen");
    getsockname(fd, (void *)&address, &size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void accept_all(int listener) {
    int fd, one = 1;
    while ((fd = accept4(listener, 0, 0, SOCK_NONBLOCK)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct connection *c = calloc(1, sizeof *c);
        c->fd = fd;
        c->place = -1;
        c->input = malloc(INPUT);
        watch(c, EPOLL_CTL_ADD, EPOLLIN);
    }
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: cserver PORT\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    round_frames = malloc(ROUND);
    epoll = epoll_create1(0);
    struct connection listener = {.fd = listen_on(atoi(argv[1]))};
    watch(&listener, EPOLL_CTL_ADD, EPOLLIN);
    for (;;) {
        struct epoll_event events[256];
        int ready = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < ready; i++) {
            struct connection *c = events[i].data.ptr;
            if (c == &listener) {
                accept_all(listener.fd);
                continue;
            }
            if (events[i].events & EPOLLOUT) send_unsent(c);
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(c);
        }
        if (round_size > 0) send_round();
    }
}
