// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Food for a compiler, not a program to run: templates that instantiate each other deeply and give
 * the optimiser much to inline. `clang++ -O2` takes some seconds over it.
 */
#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <regex>
#include <string>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>

template <int N> struct Fibonacci {
	static constexpr long value = Fibonacci<N - 1>::value + Fibonacci<N - 2>::value;
};
template <> struct Fibonacci<0> {
	static constexpr long value = 0;
};
template <> struct Fibonacci<1> {
	static constexpr long value = 1;
};

/* A type of its own for each N, with containers of it. */
template <int N> struct Item {
	std::array<int, N % 7 + 1> numbers;
	std::string name;

	bool operator<(const Item &other) const
	{
		return std::tie(name, numbers) < std::tie(other.name, other.numbers);
	}
};

template <int N> long shuffle(const std::vector<std::string> &words)
{
	std::map<Item<N>, std::vector<std::shared_ptr<Item<N>>>> table;
	std::unordered_map<std::string, std::variant<long, std::string, Item<N>>> any;

	for (const auto &word : words) {
		auto item = std::make_shared<Item<N>>();
		item->name = word;
		std::iota(item->numbers.begin(), item->numbers.end(), N);
		table[*item].push_back(item);
		any[word] = *item;
	}
	std::vector<Item<N>> sorted;
	for (const auto &row : table)
		sorted.push_back(row.first);
	std::stable_sort(sorted.begin(), sorted.end(),
			 [](const auto &a, const auto &b) { return b < a; });
	std::function<long(size_t)> sum = [&](size_t i) {
		return i == sorted.size() ? 0L : sorted[i].numbers[0] + sum(i + 1);
	};
	return sum(0) + Fibonacci<N + 40>::value % 1000 + (long)any.size();
}

template <int... N>
long shuffle_all(const std::vector<std::string> &words, std::integer_sequence<int, N...>)
{
	return (shuffle<N>(words) + ...);
}

int main(int argc, char **argv)
{
	std::vector<std::string> words(argv, argv + argc);
	std::regex number("[0-9]+(\\.[0-9]*)?");

	words.erase(std::remove_if(words.begin(), words.end(),
				   [&](const auto &w) { return std::regex_match(w, number); }),
		    words.end());
	return (int)shuffle_all(words, std::make_integer_sequence<int, 10>());
}
