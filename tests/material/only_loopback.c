/* A preload library that ends a process at its first try to leave the machine.
 *
 * Interposes connect, sendto, sendmsg and the name look-ups of libc. Loopback, Unix and netlink
 * sockets pass. A try is written to the file that ONLY_LOOPBACK_LOG names, then the process ends
 * with 97: no library can swallow it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void refuse(const char *what, const char *where) {
    const char *path = getenv("ONLY_LOOPBACK_LOG");
    char program[256] = "", line[1024];
    int self = open("/proc/self/cmdline", O_RDONLY);
    if (self >= 0) {
        ssize_t n = read(self, program, sizeof program - 1);
        for (ssize_t i = 0; i < n - 1; i++)
            if (program[i] == '\0' || program[i] == '\n') program[i] = ' ';
        close(self);
    }
    int n = snprintf(line, sizeof line, "%s %s in %s\n", what, where, program);
    int log = path ? open(path, O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;
    if (log >= 0 && n > 0) (void)!write(log, line, (size_t)n);
    (void)!write(2, line, (size_t)n);
    _exit(97);
}

static int is_inside(const struct sockaddr *to) {
    if (to == NULL) return 1;
    if (to->sa_family == AF_INET) {
        in_addr_t a = ntohl(((const struct sockaddr_in *)to)->sin_addr.s_addr);
        return (a >> 24) == 127 || a == 0;
    }
    if (to->sa_family == AF_INET6) {
        const struct in6_addr *a = &((const struct sockaddr_in6 *)to)->sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(a)) return a->s6_addr[12] == 127;
        return IN6_IS_ADDR_LOOPBACK(a) || IN6_IS_ADDR_UNSPECIFIED(a);
    }
    return 1;
}

static void check(const char *what, const struct sockaddr *to) {
    char text[INET6_ADDRSTRLEN] = "?";
    if (is_inside(to)) return;
    if (to->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)to)->sin_addr, text, sizeof text);
    else
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)to)->sin6_addr, text, sizeof text);
    refuse(what, text);
}

static void check_name(const char *what, const char *name) {
    struct in_addr four;
    struct in6_addr six;
    char own[256] = "";
    if (name == NULL || *name == '\0') return;
    if (inet_pton(AF_INET, name, &four) == 1 || inet_pton(AF_INET6, name, &six) == 1) return;
    if (strcmp(name, "localhost") == 0) return;
    gethostname(own, sizeof own - 1);
    if (strcmp(name, own) == 0) return; /* one's own name: answered by /etc/hosts */
    refuse(what, name);
}

/* With NO_SOCKETS set, not even loopback: a socket of the internet's families ends the process. */
int socket(int domain, int type, int protocol) {
    static int (*next)(int, int, int);
    if (!next) next = (int (*)(int, int, int))dlsym(RTLD_NEXT, "socket");
    if (getenv("NO_SOCKETS") && (domain == AF_INET || domain == AF_INET6)) refuse("socket", "any");
    return next(domain, type, protocol);
}

#define NEXT(function) \
    static __typeof__(function) *next; \
    if (!next) next = (__typeof__(function) *)dlsym(RTLD_NEXT, #function)

int connect(int fd, const struct sockaddr *to, socklen_t length) {
    NEXT(connect);
    check("connect", to);
    return next(fd, to, length);
}

ssize_t sendto(int fd, const void *data, size_t n, int flags, const struct sockaddr *to,
               socklen_t length) {
    NEXT(sendto);
    check("sendto", to);
    return next(fd, data, n, flags, to, length);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    NEXT(sendmsg);
    check("sendmsg", message->msg_name);
    return next(fd, message, flags);
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **found) {
    NEXT(getaddrinfo);
    check_name("look-up of", name);
    return next(name, service, hints, found);
}

struct hostent *gethostbyname(const char *name) {
    NEXT(gethostbyname);
    check_name("look-up of", name);
    return next(name);
}

int gethostbyname_r(const char *name, struct hostent *result, char *buffer, size_t length,
                    struct hostent **found, int *error) {
    NEXT(gethostbyname_r);
    check_name("look-up of", name);
    return next(name, result, buffer, length, found, error);
}
