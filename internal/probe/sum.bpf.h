/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* The CRC-32C of what was written, where it is more than is kept of it: of what programs
 * write at once as a rule (the buffers of C, Python and Go have 4 or 8 KiB), and no more, as the writer pays for it. */
#pragma once
#include "object.bpf.h"

enum { PIECE = 4096, SUM_MAX = 8192 };

/* crcs are the tables of slicing by eight (Kounavis and Berry, ISCC 2005): that of
 * the bytes, and of each byte with 1 to 7 zeros behind it. */
const volatile u32 crcs[8][256];

/* piece is some of what is summed, and what is left to do. That stands in the map and not in registers, or
 * the verifier would follow each length through the loop. */
struct piece {
	u64 words[PIECE / 8];
	u64 at[2], n[2], left;
	u32 crc, pad;
};

struct {
	__uint(type, MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct piece);
} pieces SEC(".maps");

/* sum_piece goes on with a sum. It is no static function: those are checked anew for each number of bytes. */
__attribute__((noinline)) u32 sum_piece(u32 crc, struct piece *p, u32 n)
{
	if (!p)
		return crc;
	for (u32 i = 0; i < PIECE / 8; i++) {
		if (8 * i + 8 > n)
			break;
		u64 w = p->words[i] ^ crc;
		crc = crcs[7][w & 255] ^ crcs[6][w >> 8 & 255] ^ crcs[5][w >> 16 & 255] ^ crcs[4][w >> 24 & 255] ^
		      crcs[3][w >> 32 & 255] ^ crcs[2][w >> 40 & 255] ^ crcs[1][w >> 48 & 255] ^ crcs[0][w >> 56];
	}
	if (n & 7) {
		u64 w = p->words[n / 8 & (PIECE / 8 - 1)];
		for (u32 i = 0; i < 7; i++) {
			if (i >= (n & 7))
				break;
			crc = crcs[0][(crc ^ w) & 255] ^ crc >> 8;
			w >>= 8;
		}
	}
	return crc;
}

/* add_sum adds the sum of the ret bytes that lie in two stretches of memory, if it can all be read. */
static __attribute__((noinline)) void add_sum(struct scratch *s, u64 *vec, s64 ret)
{
	u32 zero = 0;
	struct piece *p = map_lookup(&pieces, &zero);
	u64 *sum;

	if (!s || !vec || !p)
		return;
	p->at[0] = vec[0];
	p->n[0] = vec[1];
	p->at[1] = vec[2];
	p->n[1] = vec[3];
	p->left = ret;
	p->crc = ~0U;
	for (u32 i = 0; i < SUM_MAX / PIECE + 2; i++) {
		if (!p->n[0]) {
			p->at[0] = p->at[1];
			p->n[0] = p->n[1];
			p->n[1] = 0;
		}
		u64 part = p->n[0];
		if (part > p->left)
			part = p->left;
		if (part > PIECE)
			part = PIECE;
		if (!part || read_user(p, part, (void *)p->at[0]))
			return;
		p->crc = sum_piece(p->crc, p, part);
		p->at[0] += part;
		p->n[0] -= part;
		p->left -= part;
		if (!p->left)
			break;
	}
	sum = p->left ? NULL : room(s, sizeof(*sum));
	if (sum) {
		*sum = ~p->crc;
		s->sections |= HAS_SUM;
	}
}
