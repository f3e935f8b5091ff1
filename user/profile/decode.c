// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "profile/decode.h"

#include <errno.h>
#include <stdlib.h>

#include "profile/decode_impl.h"
#include "profile/intern.h"

/* A tag and a length, or a tag and a number. */
enum { HEAD_MAX = 20 };

static const char *const field_names[] = {
	[1] = "sample_type",  [2] = "sample",
	[3] = "mapping",      [4] = "location",
	[5] = "function",     [6] = "string_table",
	[7] = "drop_frames",  [8] = "keep_frames",
	[9] = "time_nanos",   [10] = "duration_nanos",
	[11] = "period_type", [12] = "period",
	[13] = "comment",     [14] = "default_sample_type",
	[15] = "doc_url",
};

int decode_fail(struct decoder *d, const char *message, const char *field, const uint8_t *pos,
		const char *what)
{
	return err_plain(d->e, -EBADMSG,
			 "parsing profile: unrecognized profile format (%s%s%s at byte %llu: %s)",
			 message, field ? "." : "", field ? field : "",
			 (unsigned long long)(d->base_offset + (uint64_t)(pos - d->base)), what);
}

int decode_no_memory(struct decoder *d)
{
	return err_set(d->e, -ENOMEM, "cannot hold the profile");
}

static int top_fail(struct decoder *d, const struct wire_field *f, const char *what)
{
	return decode_fail(d, "profile", field_names[f->number], d->base, what);
}

static int decode_string(struct decoder *d, const struct wire_field *f)
{
	if (d->p->strings.len == 0 && cursor_left(&f->bytes) > 0)
		return top_fail(d, f, "string_table[0] must be \"\"");
	if (profile_append_string(d->p, (const char *)f->bytes.pos, cursor_left(&f->bytes)) < 0)
		return decode_no_memory(d);
	return 0;
}

static int add_comment(struct decoder *d, uint64_t number)
{
	uint32_t string = decode_string_ref(d, number, "profile", "comment", d->base);

	return vec_push(&d->p->comments, string) < 0 ? decode_no_memory(d) : 0;
}

static int decode_comments(struct decoder *d, struct wire_field *f)
{
	if (f->type == WIRE_VARINT)
		return add_comment(d, f->value);
	while (cursor_left(&f->bytes) > 0) {
		uint64_t number;
		if (!wire_varint(&f->bytes, &number))
			return top_fail(d, f, "bad varint");
		int rc = add_comment(d, number);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int decode_sample_type(struct decoder *d, struct cursor c)
{
	struct profile_value_type vt = { 0 };
	int rc = decode_value_type(d, c, &vt, "sample_type");
	if (rc < 0)
		return rc;
	return vec_push(&d->p->sample_types, vt) < 0 ? decode_no_memory(d) : 0;
}

static int decode_period_type(struct decoder *d, struct cursor c)
{
	d->p->period_type = (struct profile_value_type){ 0 };
	return decode_value_type(d, c, &d->p->period_type, "period_type");
}

static int decode_bytes_field(struct decoder *d, struct wire_field *f)
{
	switch (f->number) {
	case 1:
		return decode_sample_type(d, f->bytes);
	case 2:
		return decode_sample(d, f->bytes);
	case 3:
		return decode_mapping(d, f->bytes);
	case 4:
		return decode_location(d, f->bytes);
	case 5:
		return decode_function(d, f->bytes);
	case 6:
		return decode_string(d, f);
	case 11:
		return decode_period_type(d, f->bytes);
	case 13:
		return decode_comments(d, f);
	default:
		return top_fail(d, f, "type mismatch");
	}
}

static int decode_number_field(struct decoder *d, struct wire_field *f)
{
	struct profile *p = d->p;
	uint32_t *string = NULL;

	switch (f->number) {
	case 7:
		string = &p->drop_frames;
		break;
	case 8:
		string = &p->keep_frames;
		break;
	case 9:
		if (p->time_nanos != 0)
			return err_plain(d->e, -EBADMSG,
					 "parsing profile: concatenated profiles detected "
					 "(time_nanos again at byte %llu)",
					 (unsigned long long)d->base_offset);
		p->time_nanos = (int64_t)f->value;
		return 0;
	case 10:
		p->duration_nanos = (int64_t)f->value;
		return 0;
	case 12:
		p->period = (int64_t)f->value;
		return 0;
	case 13:
		return decode_comments(d, f);
	case 14:
		string = &p->default_sample_type;
		break;
	case 15:
		string = &p->doc_url;
		break;
	default:
		return top_fail(d, f, "type mismatch");
	}
	*string = decode_string_ref(d, f->value, "profile", field_names[f->number], d->base);
	return 0;
}

/* Read one top-level field from the stream's window and decode it. */
static int decode_field(struct decoder *d)
{
	struct wire_field f;
	uint64_t len;
	struct cursor c = cursor_init(stream_bytes(&d->stream), stream_left(&d->stream));
	d->base = c.pos;
	d->base_offset = d->stream.offset;
	const char *wrong = wire_head_read(&c, &f, &len);
	if (wrong)
		return decode_fail(d, "profile", NULL, c.pos, wrong);
	size_t head = (size_t)(c.pos - d->base);
	if (len > stream_left(&d->stream) - head) {
		int rc = len > SIZE_MAX / 2 ? 0 : stream_fill(&d->stream, head + len, d->e);
		if (rc < 0)
			return rc;
		d->base = stream_bytes(&d->stream);
		c = cursor_init(d->base + head, stream_left(&d->stream) - head);
	}
	if (f.type == WIRE_BYTES && !cursor_sub(&c, len, &f.bytes))
		return decode_fail(d, "profile", NULL, d->base, "too much data");
	int rc = 0;
	if (f.number == 0 || f.number >= sizeof(field_names) / sizeof(field_names[0]))
		rc = 0; /* unknown: skipped */
	else if (f.type == WIRE_BYTES)
		rc = decode_bytes_field(d, &f);
	else if (f.type == WIRE_VARINT)
		rc = decode_number_field(d, &f);
	else
		rc = top_fail(d, &f, "type mismatch");
	if (rc == 0)
		stream_consume(&d->stream, head + len);
	return rc;
}

static int decode_all(struct decoder *d)
{
	for (;;) {
		if (stream_left(&d->stream) < HEAD_MAX) {
			int rc = stream_fill(&d->stream, HEAD_MAX, d->e);
			if (rc < 0)
				return rc;
			if (stream_left(&d->stream) == 0)
				break;
		}
		int rc = decode_field(d);
		if (rc < 0)
			return rc;
	}
	if (d->stream.offset == 0)
		return err_plain(d->e, -ENODATA, "parsing profile: empty input file");
	return decode_finish(d);
}

static int decode_source(int fd, const void *data, size_t len, struct buf *problems,
			 struct profile **ret, struct err *e)
{
	struct decoder d = { .e = e, .odd_sample = SIZE_MAX, .problems = problems };
	map_init(&d.big_ids, sizeof(uint64_t), sizeof(uint32_t));
	/* Not profile_create(): the string table comes from the file. */
	d.p = profile_create_bare();
	int rc = d.p ? stream_init(&d.stream, fd, data, len, e) : decode_no_memory(&d);
	if (rc == 0)
		rc = decode_all(&d);
	stream_deinit(&d.stream);
	map_deinit(&d.big_ids);
	vec_deinit(&d.sample_at);
	vec_deinit(&d.mapping_at);
	vec_deinit(&d.function_at);
	vec_deinit(&d.location_at);
	if (rc == 0 && ret)
		*ret = d.p;
	else
		profile_destroy(d.p);
	return rc;
}

int profile_decode(const void *data, size_t len, struct profile **ret, struct err *e)
{
	return decode_source(-1, data, len, NULL, ret, e);
}

int profile_decode_fd(int fd, struct profile **ret, struct err *e)
{
	return decode_source(fd, NULL, 0, NULL, ret, e);
}

int profile_check_fd(int fd, struct buf *problems, struct err *e)
{
	return decode_source(fd, NULL, 0, problems, NULL, e);
}
