// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The top-level fields are packed one message at a time: an object tree of a whole profile would
 * take many times the space of the profile.
 */
#include "profile/encode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "profile.pb-c.h"

/* What bytes go to: a buffer, or a deflate stream into one. */
struct sink {
	struct buf *out;
	z_stream *z; /* NULL: uncompressed */
	struct buf scratch;
	int error;
};

enum { CHUNK = 64 * 1024, MAX_VARINT = 10 };

static void sink_deflate(struct sink *s, const void *bytes, size_t len, int flush)
{
	s->z->next_in = (Bytef *)bytes;
	s->z->avail_in = (uInt)len;
	int rc = Z_OK;
	do {
		void *to = buf_space(s->out, CHUNK);
		if (!to) {
			s->error = -ENOMEM;
			return;
		}
		s->z->next_out = to;
		s->z->avail_out = CHUNK;
		rc = deflate(s->z, flush);
		s->out->len += CHUNK - s->z->avail_out;
	} while (s->z->avail_out == 0 || (flush == Z_FINISH && rc == Z_OK));
}

static void sink_write(struct sink *s, const void *bytes, size_t len)
{
	if (s->error < 0)
		return;
	if (!s->z) {
		s->error = buf_add(s->out, bytes, len);
		return;
	}
	/* avail_in is 32 bits wide. */
	for (size_t done = 0; done < len && s->error == 0;) {
		size_t n = len - done < (1 << 30) ? len - done : (1 << 30);
		sink_deflate(s, (const char *)bytes + done, n, Z_NO_FLUSH);
		done += n;
	}
}

static size_t varint_put(uint8_t *to, uint64_t v)
{
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		to[n++] = (uint8_t)v | 0x80;
	to[n++] = (uint8_t)v;
	return n;
}

/* A length-delimited field (wire type 2) of the profile. */
static void put_bytes(struct sink *s, unsigned field, const void *bytes, size_t len)
{
	uint8_t head[1 + MAX_VARINT] = { (uint8_t)(field << 3 | 2) };

	sink_write(s, head, 1 + varint_put(head + 1, len));
	sink_write(s, bytes, len);
}

static void put_message(struct sink *s, unsigned field, const ProtobufCMessage *m)
{
	size_t len = protobuf_c_message_get_packed_size(m);
	s->scratch.len = 0;
	uint8_t *to = buf_space(&s->scratch, len);
	if (!to) {
		s->error = -ENOMEM;
		return;
	}
	put_bytes(s, field, to, protobuf_c_message_pack(m, to));
}

/* An integer field (wire type 0) of the profile; 0 is the default and left out. */
static void put_int(struct sink *s, unsigned field, int64_t value)
{
	uint8_t bytes[1 + MAX_VARINT] = { (uint8_t)(field << 3) };

	if (value != 0)
		sink_write(s, bytes, 1 + varint_put(bytes + 1, (uint64_t)value));
}

static void put_value_type(struct sink *s, unsigned field, const struct profile_value_type *vt)
{
	Pprof__ValueType m = PPROF__VALUE_TYPE__INIT;

	m.type = vt->type;
	m.unit = vt->unit;
	put_message(s, field, &m.base);
}

/* Arrays that the packed messages point to, grown to the largest sample or location. */
struct sample_scratch {
	vec_of(uint64_t) ids;
	vec_of(Pprof__Label) labels;
	vec_of(Pprof__Label *) label_ptrs;
};

static int sample_scratch_reserve(struct sample_scratch *a, size_t depth, size_t labels)
{
	if (vec_reserve(&a->ids, depth) < 0 || vec_reserve(&a->labels, labels) < 0 ||
	    vec_reserve(&a->label_ptrs, labels) < 0)
		return -ENOMEM;
	return 0;
}

static void put_sample(struct sink *s, const struct profile *p, size_t i, struct sample_scratch *a)
{
	Pprof__Sample m = PPROF__SAMPLE__INIT;
	size_t depth, label_count;
	const uint32_t *stack = profile_stack(p, i, &depth);
	const struct profile_label *labels = profile_labels(p, i, &label_count);

	if (sample_scratch_reserve(a, depth, label_count) < 0) {
		s->error = -ENOMEM;
		return;
	}
	for (size_t k = 0; k < depth; k++)
		a->ids.items[k] = p->locations.items[stack[k]].id;
	for (size_t k = 0; k < label_count; k++) {
		Pprof__Label *l = &a->labels.items[k];
		pprof__label__init(l);
		l->key = labels[k].key;
		l->str = labels[k].str;
		l->num = labels[k].num;
		l->num_unit = labels[k].unit;
		a->label_ptrs.items[k] = l;
	}
	m.n_location_id = depth;
	m.location_id = a->ids.items;
	m.n_value = p->sample_types.len;
	m.value = profile_values(p, i);
	m.n_label = label_count;
	m.label = a->label_ptrs.items;
	put_message(s, 2, &m.base);
}

static void put_samples(struct sink *s, const struct profile *p)
{
	struct sample_scratch a = { 0 };

	for (size_t i = 0; i < p->sample_count && s->error == 0; i++)
		put_sample(s, p, i, &a);
	vec_deinit(&a.ids);
	vec_deinit(&a.labels);
	vec_deinit(&a.label_ptrs);
}

static void put_mapping(struct sink *s, const struct profile_mapping *mapping)
{
	Pprof__Mapping m = PPROF__MAPPING__INIT;

	m.id = mapping->id;
	m.memory_start = mapping->start;
	m.memory_limit = mapping->limit;
	m.file_offset = mapping->offset;
	m.filename = mapping->filename;
	m.build_id = mapping->build_id;
	m.has_functions = mapping->has_functions;
	m.has_filenames = mapping->has_filenames;
	m.has_line_numbers = mapping->has_line_numbers;
	m.has_inline_frames = mapping->has_inline_frames;
	put_message(s, 3, &m.base);
}

static void put_location(struct sink *s, const struct profile *p,
			 const struct profile_location *location)
{
	Pprof__Location m = PPROF__LOCATION__INIT;
	const struct profile_line *from = profile_lines(p, location);
	size_t count = location->line_count;
	_cleanup_free_ Pprof__Line *lines = calloc(count + 1, sizeof(*lines));
	_cleanup_free_ Pprof__Line **ptrs = calloc(count + 1, sizeof(*ptrs));

	if (!lines || !ptrs) {
		s->error = -ENOMEM;
		return;
	}
	for (size_t k = 0; k < count; k++) {
		pprof__line__init(&lines[k]);
		lines[k].function_id = p->functions.items[from[k].function].id;
		lines[k].line = from[k].line;
		lines[k].column = from[k].column;
		ptrs[k] = &lines[k];
	}
	m.id = location->id;
	if (location->mapping != PROFILE_NONE)
		m.mapping_id = p->mappings.items[location->mapping].id;
	m.address = location->address;
	m.is_folded = location->is_folded;
	m.n_line = count;
	m.line = ptrs;
	put_message(s, 4, &m.base);
}

static void put_function(struct sink *s, const struct profile_function *f)
{
	Pprof__Function m = PPROF__FUNCTION__INIT;

	m.id = f->id;
	m.name = f->name;
	m.system_name = f->system_name;
	m.filename = f->filename;
	m.start_line = f->start_line;
	put_message(s, 5, &m.base);
}

/* Comments are packed: one field 13 holding all the string numbers. */
static void put_comments(struct sink *s, const struct profile *p)
{
	uint8_t varint[MAX_VARINT];
	struct buf packed = { 0 };

	vec_for_each(c, &p->comments)
		buf_add(&packed, varint, varint_put(varint, *c));
	if (packed.error < 0)
		s->error = packed.error;
	else if (packed.len > 0)
		put_bytes(s, 13, packed.data, packed.len);
	buf_deinit(&packed);
}

static void put_profile(struct sink *s, const struct profile *p)
{
	vec_for_each(vt, &p->sample_types)
		put_value_type(s, 1, vt);
	put_samples(s, p);
	vec_for_each(m, &p->mappings)
		put_mapping(s, m);
	vec_for_each(l, &p->locations)
		put_location(s, p, l);
	vec_for_each(f, &p->functions)
		put_function(s, f);
	vec_for_each(str, &p->strings)
		put_bytes(s, 6, p->bytes + str->start, str->len);
	put_int(s, 7, p->drop_frames);
	put_int(s, 8, p->keep_frames);
	put_int(s, 9, p->time_nanos);
	put_int(s, 10, p->duration_nanos);
	if (p->period_type.type || p->period_type.unit)
		put_value_type(s, 11, &p->period_type);
	put_int(s, 12, p->period);
	put_comments(s, p);
	put_int(s, 14, p->default_sample_type);
	put_int(s, 15, p->doc_url);
	buf_deinit(&s->scratch);
}

int profile_encode_raw(const struct profile *p, struct buf *out, struct err *e)
{
	struct sink s = { .out = out };

	put_profile(&s, p);
	return s.error < 0 ? err_set(e, s.error, "cannot encode the profile") : 0;
}

int profile_encode(const struct profile *p, struct buf *out, struct err *e)
{
	z_stream z = { 0 };
	struct sink s = { .out = out, .z = &z };

	/* 15 + 16: the largest window, with a gzip header (which zlib fills without a time). */
	if (deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return err_set(e, -ENOMEM, "cannot encode the profile");
	put_profile(&s, p);
	if (s.error == 0)
		sink_deflate(&s, NULL, 0, Z_FINISH);
	deflateEnd(&z);
	return s.error < 0 ? err_set(e, s.error, "cannot encode the profile") : 0;
}
