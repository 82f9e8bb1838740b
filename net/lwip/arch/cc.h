// lwIP's view of the compiler and of the kernel.
#ifndef LINNET_LWIP_CC_H
#define LINNET_LWIP_CC_H

#include <stddef.h>
#include <stdint.h>

#define LWIP_NO_CTYPE_H 1
#define LWIP_NO_INTTYPES_H 1
#define LWIP_NO_LIMITS_H 1
#define LWIP_NO_UNISTD_H 1
typedef long ssize_t;
#define SSIZE_MAX 0x7fffffffffffffffL
#define INT_MAX 0x7fffffff
#define LWIP_DONT_PROVIDE_BYTEORDER_FUNCTIONS 1
#define lwip_htons(x) __builtin_bswap16(x)
#define lwip_htonl(x) __builtin_bswap32(x)
#define htonl(x) lwip_htonl(x) // nd6.c uses the plain name
#define lwip_ntohs(x) __builtin_bswap16(x)
#define lwip_ntohl(x) __builtin_bswap32(x)

#define U8_F "u"
#define S8_F "d"
#define X8_F "02x"
#define U16_F "u"
#define S16_F "d"
#define X16_F "x"
#define U32_F "u"
#define S32_F "d"
#define X32_F "x"
#define SZT_F "zu"

#ifdef __cplusplus
extern "C" {
#endif
// net/lwip/port.cc
void linnet_lwip_assert(const char* text, const char* file, int line) __attribute__((noreturn, cold));
uint32_t linnet_lwip_random(void);
void* linnet_lwip_malloc(size_t n);
void* linnet_lwip_calloc(size_t n, size_t size);
void linnet_lwip_free(void* p);
void linnet_lwip_core_locked(void);
// Kernel's string functions (kernel/lib/string.h); lwIP asks for <string.h>, which lwip/arch/libc/ provides.
#ifdef __cplusplus
}
#endif

#define mem_clib_malloc linnet_lwip_malloc
#define mem_clib_calloc linnet_lwip_calloc
#define mem_clib_free linnet_lwip_free
#define LWIP_RAND() linnet_lwip_random()
#define LWIP_PLATFORM_DIAG(x) ((void)0)
#define LWIP_PLATFORM_ASSERT(x) linnet_lwip_assert(x, __FILE__, __LINE__)
// The stack's API misuse checks: what a packet can bring about is handled by their handlers, never by a panic.
#define LWIP_ERROR(message, expression, handler) do { if (!(expression)) { handler; } } while (0)
#define LWIP_ASSERT_CORE_LOCKED() linnet_lwip_core_locked()

#endif
