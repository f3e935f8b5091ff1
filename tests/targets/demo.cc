// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * demo [SECONDS]: what `make demo` profiles. Writes random nested documents as text, parses them by
 * recursive descent (stacks are some 60 frames deep), indexes their words and ranks them. Built
 * with -O2 and without frame pointers.
 */
#include <algorithm>
#include <cctype>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "target.h"

namespace demo
{

struct Node;
using List = std::vector<std::unique_ptr<Node>>;

struct Node {
	std::variant<double, std::string, List> value;
};

/* Random text of nested lists, about `depth` levels deep. */
class Writer
{
      public:
	explicit Writer(unsigned seed) : random(seed)
	{
	}

	TARGET_ROW std::string document(int depth)
	{
		std::string text;

		write(text, depth);
		return text;
	}

      private:
	TARGET_ROW void write(std::string &text, int depth)
	{
		text += '[';
		for (int i = 0; i < 4; i++) {
			text += std::to_string(random() % 1000) + ',';
			text += '"' + word() + "\",";
		}
		if (depth > 0)
			write(text, depth - 1);
		else
			text += '0';
		text += ']';
	}

	std::string word()
	{
		std::string letters;

		for (unsigned n = 2 + random() % 3; n > 0; n--)
			letters += (char)('a' + random() % 7);
		return letters;
	}

	std::minstd_rand random;
};

class Parser
{
      public:
	explicit Parser(const std::string &text) : pos(text.data()), end(pos + text.size())
	{
	}

	TARGET_ROW std::unique_ptr<Node> parse_value()
	{
		if (pos == end)
			throw std::runtime_error("text ends early");
		auto node = std::make_unique<Node>();
		if (*pos == '[')
			node->value = parse_list();
		else if (*pos == '"')
			node->value = parse_string();
		else
			node->value = parse_number();
		return node;
	}

      private:
	TARGET_ROW List parse_list()
	{
		List list;

		list.reserve(10);
		do {
			pos++;
			list.push_back(parse_value());
		} while (pos < end && *pos == ',');
		pos++;
		return list;
	}

	TARGET_ROW std::string parse_string()
	{
		const char *start = ++pos;

		pos = std::find(pos, end, '"');
		return std::string(start, pos++);
	}

	TARGET_ROW double parse_number()
	{
		double number = 0;

		for (; pos < end && isdigit((unsigned char)*pos); pos++)
			number = number * 10 + (*pos - '0');
		return number;
	}

	const char *pos, *end;
};

/* How often each word occurs: a hash table with open addressing. */
class Index
{
      public:
	Index() : rows(4096)
	{
	}

	TARGET_ROW void add(const Node &node)
	{
		if (auto *list = std::get_if<List>(&node.value))
			for (const auto &item : *list)
				add(*item);
		else if (auto *word = std::get_if<std::string>(&node.value))
			find(*word).count++;
	}

	/* Sorts the words, most frequent first; the index is then used up. */
	TARGET_ROW unsigned rank()
	{
		sort(rows.data(), rows.data() + rows.size());
		return rows[0].count;
	}

      private:
	struct Row {
		std::string word;
		unsigned count = 0;

		bool before(const Row &other) const
		{
			return count != other.count ? count > other.count : word < other.word;
		}
	};

	TARGET_ROW static unsigned hash(const std::string &word)
	{
		unsigned h = 2166136261u;

		for (char c : word)
			h = (h ^ (unsigned char)c) * 16777619u;
		return h;
	}

	TARGET_ROW Row &find(const std::string &word)
	{
		size_t i = hash(word) % rows.size();

		while (!rows[i].word.empty() && rows[i].word != word)
			i = (i + 1) % rows.size();
		if (rows[i].word.empty())
			rows[i].word = word;
		return rows[i];
	}

	/* Quicksort, recursing into the smaller part. */
	TARGET_ROW static void sort(Row *first, Row *last)
	{
		while (last - first > 1) {
			Row pivot = first[(last - first) / 2];
			Row *i = first, *j = last - 1;

			while (i <= j) {
				while (i->before(pivot))
					i++;
				while (pivot.before(*j))
					j--;
				if (i <= j)
					std::swap(*i++, *j--);
			}
			if (j + 1 - first < last - i) {
				sort(first, j + 1);
				first = i;
			} else {
				sort(i, last);
				last = j + 1;
			}
		}
	}

	std::vector<Row> rows;
};

} // namespace demo

int main(int argc, char **argv)
{
	uint64_t deadline_ns = target_deadline_ns(target_arg(argc, argv, 1, 60));
	volatile unsigned sink = 0;

	target_ready();
	for (unsigned seed = 1; !target_is_over(deadline_ns); seed++) {
		demo::Writer writer(seed);
		demo::Index index;

		for (int i = 0; i < 40; i++)
			index.add(*demo::Parser(writer.document(26)).parse_value());
		sink = sink + index.rank();
	}
	return 0;
}
