/*
 * The bound of the benchmarks (npm run bench): what a C program needs for the same work, with as few system calls as we
 * know how. It checks nothing and keeps nothing. What it prints is the time of the work alone, in milliseconds.
 *
 *   bound replay FILE BATCH    sends the netlink messages in FILE, BATCH of them a datagram, each datagram with one ACK
 *   bound acknowledged FILE BATCH  the same with an ACK for each message, as one would do it first
 *   bound table                dumps all services, then the destinations of each
 *   bound destinations         dumps the destinations of the first service
 *   bound read FILE            reads FILE to its end
 *   bound run PROGRAM [ARG]... runs a program, its output thrown away; prints milliseconds and its peak memory in KiB
 *   bound sync COUNT           fills the connection table as a master's sync daemon would; a backup must run on lo
 *
 * All of it in the network namespace that it is started in.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/ip_vs.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The kernel makes the pieces of a dump as large as the reader's buffer, up to 32 KiB. */
#define BUFFER (64 * 1024)

static union {
  struct nlmsghdr first;
  char bytes[BUFFER];
} received;

static double milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

/* ---- netlink ---- */

struct request {
  struct nlmsghdr header;
  struct genlmsghdr generic;
  char attributes[64];
};

static int open_netlink(void) {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
  if (fd < 0) err(1, "socket");
  int size = 1024 * 1024, on = 1;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  return fd;
}

static void start_request(struct request *request, int type, int flags, int command) {
  memset(request, 0, sizeof *request);
  request->header.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN);
  request->header.nlmsg_type = type;
  request->header.nlmsg_flags = NLM_F_REQUEST | flags;
  request->generic.cmd = command;
  request->generic.version = 1;
}

static struct nlattr *add_attribute(struct request *request, int type, const void *payload, size_t length) {
  struct nlattr *attribute = (struct nlattr *)((char *)request + request->header.nlmsg_len);
  attribute->nla_type = type;
  attribute->nla_len = NLA_HDRLEN + length;
  if (length > 0) memcpy((char *)attribute + NLA_HDRLEN, payload, length);
  request->header.nlmsg_len += NLA_ALIGN(attribute->nla_len);
  return attribute;
}

static void send_all(int fd, const void *bytes, size_t length) {
  if (send(fd, bytes, length, 0) != (ssize_t)length) err(1, "send");
}

static size_t receive(int fd) {
  ssize_t length = recv(fd, &received, sizeof received, 0);
  if (length < 0) err(1, "recv");
  return length;
}

/* The first message of what was received is an error or an ACK, which is the error 0. */
static void check_ack(void) {
  const struct nlmsgerr *error = NLMSG_DATA(&received.first);
  if (received.first.nlmsg_type != NLMSG_ERROR) errx(1, "no ACK but type %d", received.first.nlmsg_type);
  if (error->error != 0) {
    errno = -error->error;
    err(1, "message %u", received.first.nlmsg_seq);
  }
}

static struct nlattr *next_attribute(struct nlattr *attribute) {
  return (struct nlattr *)((char *)attribute + NLA_ALIGN(attribute->nla_len));
}

/* The number of the family IPVS, which differs from boot to boot. */
static int ipvs_family(int fd) {
  struct request request;
  start_request(&request, GENL_ID_CTRL, 0, CTRL_CMD_GETFAMILY);
  add_attribute(&request, CTRL_ATTR_FAMILY_NAME, IPVS_GENL_NAME, sizeof IPVS_GENL_NAME);
  send_all(fd, &request, request.header.nlmsg_len);
  receive(fd);
  if (received.first.nlmsg_type == NLMSG_ERROR) check_ack();
  char *end = received.bytes + received.first.nlmsg_len;
  struct nlattr *attribute = (struct nlattr *)(received.bytes + NLMSG_LENGTH(GENL_HDRLEN));
  for (; (char *)attribute < end; attribute = next_attribute(attribute)) {
    if (attribute->nla_type == CTRL_ATTR_FAMILY_ID) return *(uint16_t *)((char *)attribute + NLA_HDRLEN);
  }
  errx(1, "no family " IPVS_GENL_NAME);
}

/* ---- replay ---- */

static char *read_whole(const char *path, size_t *length) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  struct stat status;
  if (fd < 0 || fstat(fd, &status) < 0) err(1, "%s", path);
  char *bytes = malloc(status.st_size);
  if (bytes == NULL || read(fd, bytes, status.st_size) != status.st_size) err(1, "%s", path);
  close(fd);
  *length = status.st_size;
  return bytes;
}

/* With an ACK for every `each`th message, and for the last of a datagram. */
static void replay(const char *path, unsigned batch, unsigned each) {
  int fd = open_netlink();
  int family = ipvs_family(fd);
  size_t length;
  char *start = read_whole(path, &length), *end = start + length;
  unsigned count = 0;
  for (char *at = start; at < end; at += ((struct nlmsghdr *)at)->nlmsg_len) {
    struct nlmsghdr *message = (struct nlmsghdr *)at;
    message->nlmsg_type = family;
    message->nlmsg_seq = ++count;
    /* Errors are told without being asked for. */
    if (count % each == 0 || at + message->nlmsg_len == end) message->nlmsg_flags |= NLM_F_ACK;
  }

  double begin = milliseconds();
  unsigned answers = 0;
  count = 0;
  for (char *first = start, *at = start; at < end;) {
    struct nlmsghdr *message = (struct nlmsghdr *)at;
    at += message->nlmsg_len;
    if ((message->nlmsg_flags & NLM_F_ACK) != 0) answers++;
    if (++count % batch != 0 && at < end) continue;
    send_all(fd, first, at - first);
    for (; answers > 0; answers--) {
      receive(fd);
      check_ack();
    }
    first = at;
  }
  printf("%.4f\n", milliseconds() - begin);
}

/* ---- dumps ---- */

/* The kernel makes the next piece of a dump while one is received: a short dump and its end come in one call. */
#define PIECES 4

static char pieces[PIECES][BUFFER] __attribute__((aligned(NLMSG_ALIGNTO)));

/* Returns whether it was the dump's last piece. What comes goes to `use`, where there is one. */
static int use_piece(char *bytes, size_t length, void (*use)(struct nlmsghdr *)) {
  struct nlmsghdr *message = (struct nlmsghdr *)bytes;
  for (; NLMSG_OK(message, length); message = NLMSG_NEXT(message, length)) {
    if (message->nlmsg_type == NLMSG_DONE) return 1;
    if (message->nlmsg_type == NLMSG_ERROR) errx(1, "dump refused");
    if (use != NULL) use(message);
  }
  return 0;
}

static void dump(int fd, const struct request *request, void (*use)(struct nlmsghdr *)) {
  struct iovec buffers[PIECES];
  struct mmsghdr datagrams[PIECES] = {0};
  for (int i = 0; i < PIECES; i++) {
    buffers[i] = (struct iovec){.iov_base = pieces[i], .iov_len = BUFFER};
    datagrams[i].msg_hdr = (struct msghdr){.msg_iov = &buffers[i], .msg_iovlen = 1};
  }
  send_all(fd, request, request->header.nlmsg_len);
  for (int ended = 0; !ended;) {
    int count = recvmmsg(fd, datagrams, PIECES, MSG_WAITFORONE, NULL);
    if (count < 0) err(1, "recvmmsg");
    for (int i = 0; i < count; i++) ended |= use_piece(pieces[i], datagrams[i].msg_len, use);
  }
}

/* A GET_DEST for each service. */
static struct request *questions;
static size_t asked;

static void ask_about(struct nlmsghdr *message) {
  struct nlattr *service = (struct nlattr *)((char *)NLMSG_DATA(message) + GENL_HDRLEN);
  char *end = (char *)service + service->nla_len;
  /* Twice as much each time it is full, which is when the number is a power of two. */
  if ((asked & (asked - 1)) == 0) questions = realloc(questions, (asked ? 2 * asked : 1) * sizeof *questions);
  if (questions == NULL) err(1, "realloc");
  struct request *request = &questions[asked++];
  start_request(request, message->nlmsg_type, NLM_F_DUMP, IPVS_CMD_GET_DEST);
  struct nlattr *nest = add_attribute(request, IPVS_CMD_ATTR_SERVICE, NULL, 0);
  struct nlattr *attribute = (struct nlattr *)((char *)service + NLA_HDRLEN);
  for (; (char *)attribute < end; attribute = next_attribute(attribute)) {
    int type = attribute->nla_type & NLA_TYPE_MASK;
    if (type > IPVS_SVC_ATTR_FWMARK) continue;
    add_attribute(request, type, (char *)attribute + NLA_HDRLEN, attribute->nla_len - NLA_HDRLEN);
  }
  nest->nla_len = (char *)request + request->header.nlmsg_len - (char *)nest;
}

static void dump_services(int fd) {
  struct request services;
  start_request(&services, ipvs_family(fd), NLM_F_DUMP, IPVS_CMD_GET_SERVICE);
  dump(fd, &services, ask_about);
}

static void dump_table(void) {
  int fd = open_netlink();
  double begin = milliseconds();
  dump_services(fd);
  for (size_t i = 0; i < asked; i++) dump(fd, &questions[i], NULL);
  printf("%.4f\n", milliseconds() - begin);
}

static void dump_destinations(void) {
  int fd = open_netlink();
  dump_services(fd);
  if (asked == 0) errx(1, "no service");
  double begin = milliseconds();
  dump(fd, &questions[0], NULL);
  printf("%.4f\n", milliseconds() - begin);
}

/* ---- files and programs ---- */

static void read_through(const char *path) {
  double begin = milliseconds();
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) err(1, "%s", path);
  for (ssize_t length = 1; length > 0;) {
    length = read(fd, &received, sizeof received);
    if (length < 0) err(1, "%s", path);
  }
  printf("%.4f\n", milliseconds() - begin);
}

/* Returns the program's exit code. */
static int run(char **command) {
  double begin = milliseconds();
  pid_t child = vfork();
  if (child < 0) err(1, "vfork");
  if (child == 0) {
    int nowhere = open("/dev/null", O_WRONLY);
    dup2(nowhere, STDOUT_FILENO);
    execvp(command[0], command);
    _exit(127);
  }
  int status;
  struct rusage usage;
  if (wait4(child, &status, 0, &usage) < 0) err(1, "wait4");
  printf("%.4f %ld\n", milliseconds() - begin, usage.ru_maxrss);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* ---- sync ---- */

/* Kernel: struct ip_vs_sync_v4 in net/netfilter/ipvs/ip_vs_sync.c; all in network order. */
struct sync_connection {
  uint8_t type, protocol;
  uint16_t size;
  uint32_t flags;
  uint16_t state, client_port, virtual_port, server_port;
  uint32_t mark, timeout, client, virtual, server;
};

/* struct ip_vs_sync_mesg, version 1. A count of 8 bits. */
struct sync_message {
  uint8_t reserved, sync_id;
  uint16_t size;
  uint8_t count, version;
  uint16_t spare;
  struct sync_connection connections[255];
};

#define SYNC_GROUP 0xe0000051 /* 224.0.0.81 */
#define SYNC_PORT 8848
#define TCP_ESTABLISHED 1 /* IP_VS_TCP_S_ESTABLISHED */
#define CLIENTS_PORTS 32  /* connections of each client */

static void describe(struct sync_connection *connection, unsigned number) {
  *connection = (struct sync_connection){
      .protocol = IPPROTO_TCP,
      .size = htons(sizeof *connection),
      .state = htons(TCP_ESTABLISHED),
      .client_port = htons(32768 + number % CLIENTS_PORTS),
      .virtual_port = htons(80),
      .server_port = htons(80),
      .timeout = htonl(24 * 60 * 60),
      .client = htonl(0xac100000 + number / CLIENTS_PORTS), /* 172.16.0.0 */
      .virtual = htonl(0x0a000001),
      .server = htonl(0xc0000201 + number % 10), /* 192.0.2.1 */
  };
}

/* The bytes that wait for the backup daemon. Its socket, like every other, drops what its buffer can't hold. */
static unsigned waiting_for_backup(void) {
  FILE *sockets = fopen("/proc/net/udp", "r");
  if (sockets == NULL) err(1, "/proc/net/udp");
  char line[256];
  while (fgets(line, sizeof line, sockets) != NULL) {
    unsigned address, port, waiting;
    if (sscanf(line, " %*d: %X:%X %*X:%*X %*X %*X:%X", &address, &port, &waiting) != 3) continue;
    if (address != htonl(SYNC_GROUP) || port != SYNC_PORT) continue;
    fclose(sockets);
    return waiting;
  }
  errx(1, "no backup daemon");
}

static void sync_connections(unsigned count) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) err(1, "socket");
  struct ip_mreqn loopback = {.imr_ifindex = if_nametoindex("lo")};
  if (setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &loopback, sizeof loopback) < 0) err(1, "IP_MULTICAST_IF");
  struct sockaddr_in group = {.sin_family = AF_INET, .sin_port = htons(SYNC_PORT)};
  group.sin_addr.s_addr = htonl(SYNC_GROUP);
  if (connect(fd, (struct sockaddr *)&group, sizeof group) < 0) err(1, "connect");

  for (unsigned number = 0; number < count;) {
    struct sync_message message = {.version = 1};
    for (; message.count < 255 && number < count; number++) describe(&message.connections[message.count++], number);
    size_t length = offsetof(struct sync_message, connections) + message.count * sizeof(struct sync_connection);
    message.size = htons(length);
    send_all(fd, &message, length);
    while (waiting_for_backup() > 0) sched_yield();
  }
}

int main(int argc, char **argv) {
  const char *verb = argc > 1 ? argv[1] : "";
  if (strcmp(verb, "replay") == 0 && argc == 4) replay(argv[2], atoi(argv[3]), atoi(argv[3]));
  else if (strcmp(verb, "acknowledged") == 0 && argc == 4) replay(argv[2], atoi(argv[3]), 1);
  else if (strcmp(verb, "table") == 0 && argc == 2) dump_table();
  else if (strcmp(verb, "destinations") == 0 && argc == 2) dump_destinations();
  else if (strcmp(verb, "read") == 0 && argc == 3) read_through(argv[2]);
  else if (strcmp(verb, "run") == 0 && argc > 2) return run(argv + 2);
  else if (strcmp(verb, "sync") == 0 && argc == 3) sync_connections(atoi(argv[2]));
  else errx(2, "usage: bound replay|acknowledged FILE BATCH | table | destinations | read FILE | run PROGRAM... | sync N");
  return 0;
}
