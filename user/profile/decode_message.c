// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The messages inside a profile, one function each. */
#include <errno.h>

#include "profile/decode_impl.h"

/* How a known field may be written. */
enum form { UNKNOWN = 0, NUMBER, NUMBERS, MESSAGE };

struct schema {
	const char *name;
	struct {
		const char *name;
		enum form form;
	} fields[11];
};

static const struct schema value_type_schema = {
	"value_type",
	{ [1] = { "type", NUMBER }, [2] = { "unit", NUMBER } },
};

static const struct schema sample_schema = {
	"sample",
	{ [1] = { "location_id", NUMBERS },
	  [2] = { "value", NUMBERS },
	  [3] = { "label", MESSAGE } },
};

static const struct schema label_schema = {
	"label",
	{ [1] = { "key", NUMBER },
	  [2] = { "str", NUMBER },
	  [3] = { "num", NUMBER },
	  [4] = { "num_unit", NUMBER } },
};

static const struct schema mapping_schema = {
	"mapping",
	{ [1] = { "id", NUMBER },
	  [2] = { "memory_start", NUMBER },
	  [3] = { "memory_limit", NUMBER },
	  [4] = { "file_offset", NUMBER },
	  [5] = { "filename", NUMBER },
	  [6] = { "build_id", NUMBER },
	  [7] = { "has_functions", NUMBER },
	  [8] = { "has_filenames", NUMBER },
	  [9] = { "has_line_numbers", NUMBER },
	  [10] = { "has_inline_frames", NUMBER } },
};

static const struct schema location_schema = {
	"location",
	{ [1] = { "id", NUMBER },
	  [2] = { "mapping_id", NUMBER },
	  [3] = { "address", NUMBER },
	  [4] = { "line", MESSAGE },
	  [5] = { "is_folded", NUMBER } },
};

static const struct schema line_schema = {
	"line",
	{ [1] = { "function_id", NUMBER }, [2] = { "line", NUMBER }, [3] = { "column", NUMBER } },
};

static const struct schema function_schema = {
	"function",
	{ [1] = { "id", NUMBER },
	  [2] = { "name", NUMBER },
	  [3] = { "system_name", NUMBER },
	  [4] = { "filename", NUMBER },
	  [5] = { "start_line", NUMBER } },
};

/* The next known field of a message: 1, or 0 at its end, or a negative errno. */
static int message_next(struct decoder *d, struct cursor *c, const struct schema *m,
			struct wire_field *f)
{
	while (cursor_left(c) > 0) {
		const uint8_t *at = c->pos;
		const char *wrong = wire_field_read(c, f);
		if (wrong)
			return decode_fail(d, m->name, NULL, at, wrong);
		if (f->number >= sizeof(m->fields) / sizeof(m->fields[0]))
			continue;
		enum form form = m->fields[f->number].form;
		if (form == UNKNOWN)
			continue;
		if (!(f->type == WIRE_VARINT && form != MESSAGE) &&
		    !(f->type == WIRE_BYTES && form != NUMBER))
			return decode_fail(d, m->name, m->fields[f->number].name, at,
					   "type mismatch");
		return 1;
	}
	return 0;
}

uint32_t decode_string_ref(struct decoder *d, uint64_t number, const char *message,
			   const char *field, const uint8_t *pos)
{
	if (number > d->string_max) {
		d->string_max = number;
		d->string_max_at = d->base_offset + (uint64_t)(pos - d->base);
		d->string_max_message = message;
		d->string_max_field = field;
	}
	return (uint32_t)number;
}

static uint32_t string_field(struct decoder *d, const struct schema *m, const struct wire_field *f,
			     const struct cursor *c)
{
	return decode_string_ref(d, f->value, m->name, m->fields[f->number].name, c->pos - 1);
}

/* See BIG_ID. */
static int id_ref(struct decoder *d, uint64_t id, uint32_t *to)
{
	*to = (uint32_t)id;
	if (id < BIG_ID)
		return 0;
	bool added;
	uint32_t *number = map_put(&d->big_ids, &id, &added);
	if (!number || d->big_ids.len >= BIG_ID)
		return decode_no_memory(d);
	if (added)
		*number = (uint32_t)d->big_ids.len - 1;
	*to = BIG_ID | *number;
	return 0;
}

int decode_value_type(struct decoder *d, struct cursor c, struct profile_value_type *to,
		      const char *message)
{
	struct schema schema = value_type_schema;
	struct wire_field f;
	int rc;

	schema.name = message;
	while ((rc = message_next(d, &c, &schema, &f)) > 0) {
		uint32_t string = decode_string_ref(
			d, f.value, message, value_type_schema.fields[f.number].name, c.pos - 1);
		if (f.number == 1)
			to->type = string;
		else
			to->unit = string;
	}
	return rc;
}

int decode_mapping(struct decoder *d, struct cursor c)
{
	struct profile_mapping m = { 0 };
	struct wire_field f;
	int rc;

	while ((rc = message_next(d, &c, &mapping_schema, &f)) > 0) {
		switch (f.number) {
		case 1:
			m.id = f.value;
			break;
		case 2:
			m.start = f.value;
			break;
		case 3:
			m.limit = f.value;
			break;
		case 4:
			m.offset = f.value;
			break;
		case 5:
			m.filename = string_field(d, &mapping_schema, &f, &c);
			break;
		case 6:
			m.build_id = string_field(d, &mapping_schema, &f, &c);
			break;
		case 7:
			m.has_functions = f.value != 0;
			break;
		case 8:
			m.has_filenames = f.value != 0;
			break;
		case 9:
			m.has_line_numbers = f.value != 0;
			break;
		case 10:
			m.has_inline_frames = f.value != 0;
			break;
		}
	}
	if (rc < 0)
		return rc;
	if (vec_push(&d->p->mappings, m) < 0 || vec_push(&d->mapping_at, d->base_offset) < 0)
		return decode_no_memory(d);
	return 0;
}

int decode_function(struct decoder *d, struct cursor c)
{
	struct profile_function to = { 0 };
	struct wire_field f;
	int rc;

	while ((rc = message_next(d, &c, &function_schema, &f)) > 0) {
		switch (f.number) {
		case 1:
			to.id = f.value;
			break;
		case 2:
			to.name = string_field(d, &function_schema, &f, &c);
			break;
		case 3:
			to.system_name = string_field(d, &function_schema, &f, &c);
			break;
		case 4:
			to.filename = string_field(d, &function_schema, &f, &c);
			break;
		case 5:
			to.start_line = (int64_t)f.value;
			break;
		}
	}
	if (rc < 0)
		return rc;
	if (vec_push(&d->p->functions, to) < 0 || vec_push(&d->function_at, d->base_offset) < 0)
		return decode_no_memory(d);
	return 0;
}

static int decode_line(struct decoder *d, struct cursor c)
{
	struct profile_line line = { 0 };
	struct wire_field f;
	int rc;

	while ((rc = message_next(d, &c, &line_schema, &f)) > 0) {
		switch (f.number) {
		case 1:
			rc = id_ref(d, f.value, &line.function);
			if (rc < 0)
				return rc;
			break;
		case 2:
			line.line = (int64_t)f.value;
			break;
		case 3:
			line.column = (int64_t)f.value;
			break;
		}
	}
	if (rc < 0)
		return rc;
	return vec_push(&d->p->lines, line) < 0 ? decode_no_memory(d) : 0;
}

int decode_location(struct decoder *d, struct cursor c)
{
	struct profile_location to = { .line_start = d->p->lines.len };
	struct wire_field f;
	int rc;

	while ((rc = message_next(d, &c, &location_schema, &f)) > 0) {
		int bad = 0;
		switch (f.number) {
		case 1:
			to.id = f.value;
			break;
		case 2:
			bad = id_ref(d, f.value, &to.mapping);
			break;
		case 3:
			to.address = f.value;
			break;
		case 4:
			bad = decode_line(d, f.bytes);
			break;
		case 5:
			to.is_folded = f.value != 0;
			break;
		}
		if (bad < 0)
			return bad;
	}
	if (rc < 0)
		return rc;
	to.line_count = (uint32_t)(d->p->lines.len - to.line_start);
	if (vec_push(&d->p->locations, to) < 0 || vec_push(&d->location_at, d->base_offset) < 0)
		return decode_no_memory(d);
	return 0;
}

static int decode_label(struct decoder *d, struct cursor c)
{
	struct profile_label to = { 0 };
	const uint8_t *start = c.pos;
	uint64_t unit = 0;
	struct wire_field f;
	int rc;

	while ((rc = message_next(d, &c, &label_schema, &f)) > 0) {
		switch (f.number) {
		case 1:
			to.key = string_field(d, &label_schema, &f, &c);
			break;
		case 2:
			to.str = string_field(d, &label_schema, &f, &c);
			break;
		case 3:
			to.num = (int64_t)f.value;
			break;
		case 4:
			unit = f.value;
			break;
		}
	}
	if (rc < 0)
		return rc;
	/* A string label's number and unit mean nothing. */
	if (to.str != 0)
		to.num = 0;
	else
		to.unit = decode_string_ref(d, unit, "label", "num_unit", start);
	if (to.str == 0 && to.num == 0 && to.unit == 0)
		return 0;
	return vec_push(&d->p->labels, to) < 0 ? decode_no_memory(d) : 0;
}

static int add_location_id(struct decoder *d, uint64_t id)
{
	uint32_t ref;
	int rc = id_ref(d, id, &ref);
	if (rc < 0)
		return rc;
	return vec_push(&d->p->stacks, ref) < 0 ? decode_no_memory(d) : 0;
}

/* The hot loop: packed location ids. A varint takes a byte at least, which bounds the count. */
static int decode_location_ids(struct decoder *d, struct cursor c)
{
	struct profile *p = d->p;

	if (vec_reserve(&p->stacks, p->stacks.len + cursor_left(&c)) < 0)
		return decode_no_memory(d);
	while (cursor_left(&c) > 0) {
		uint64_t id;
		if (!wire_varint(&c, &id))
			return decode_fail(d, "sample", "location_id", c.pos, "bad varint");
		if (id < BIG_ID) {
			p->stacks.items[p->stacks.len++] = (uint32_t)id;
			continue;
		}
		int rc = add_location_id(d, id);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int add_value(struct decoder *d, uint64_t value)
{
	return vec_push(&d->p->values, (int64_t)value) < 0 ? decode_no_memory(d) : 0;
}

static int decode_values(struct decoder *d, struct cursor c)
{
	while (cursor_left(&c) > 0) {
		uint64_t value;
		if (!wire_varint(&c, &value))
			return decode_fail(d, "sample", "value", c.pos, "bad varint");
		int rc = add_value(d, value);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int decode_sample_field(struct decoder *d, const struct wire_field *f)
{
	bool packed = f->type == WIRE_BYTES;

	switch (f->number) {
	case 1:
		return packed ? decode_location_ids(d, f->bytes) : add_location_id(d, f->value);
	case 2:
		return packed ? decode_values(d, f->bytes) : add_value(d, f->value);
	default:
		return decode_label(d, f->bytes);
	}
}

/* Note where the sample's labels end; kept only once there is a label (profile.h). */
static int end_labels(struct decoder *d, size_t labels_before)
{
	struct profile *p = d->p;

	if (p->labels.len == 0)
		return 0;
	if (vec_reserve(&p->label_ends, p->sample_count + 1) < 0)
		return -ENOMEM;
	while (p->label_ends.len < p->sample_count)
		p->label_ends.items[p->label_ends.len++] = labels_before;
	p->label_ends.items[p->label_ends.len++] = p->labels.len;
	return 0;
}

int decode_sample(struct decoder *d, struct cursor c)
{
	struct profile *p = d->p;
	size_t stack_before = p->stacks.len, values_before = p->values.len;
	size_t labels_before = p->labels.len;
	struct wire_field f;
	int rc;

	while ((rc = message_next(d, &c, &sample_schema, &f)) > 0) {
		rc = decode_sample_field(d, &f);
		if (rc < 0)
			return rc;
	}
	if (rc < 0)
		return rc;
	size_t values = p->values.len - values_before;
	if (d->samples_seen == 0)
		d->first_values = values;
	/* A sample without values is as wrong: it has at least one type. */
	if (d->odd_sample == SIZE_MAX && (values != d->first_values || values == 0)) {
		d->odd_sample = d->samples_seen;
		d->odd_values = values;
		d->odd_at = d->base_offset;
	}
	d->samples_seen++;
	if (d->odd_sample != SIZE_MAX) {
		p->stacks.len = stack_before;
		p->values.len = values_before;
		p->labels.len = labels_before;
		return 0;
	}
	if (end_labels(d, labels_before) < 0 || vec_push(&p->stack_ends, p->stacks.len) < 0 ||
	    vec_push(&d->sample_at, d->base_offset) < 0)
		return decode_no_memory(d);
	p->sample_count++;
	return 0;
}
