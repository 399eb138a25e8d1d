// The few pieces of a test framework that these tests need: named tests, checks that go on after a
// failure, and a note of what was being looked at when one failed.
#pragma once

#include <optional>
#include <string>
#include <type_traits>
#include <vector>

namespace macvlan_netlink::test {

// Adds a test to the program's list; main() runs them in that order.
bool Register(const char* name, void (*body)());

// The exit code of a program that cannot run its tests here.
inline constexpr int kSkipped = 77;

// Counts a failure and prints where it happened, with the notes in force.
void Fail(const char* file, int line, const std::string& text);

// A line that every failure inside its scope is printed with.
class Note {
 public:
  explicit Note(std::string text);
  ~Note();
  Note(const Note&) = delete;
  Note& operator=(const Note&) = delete;
};

inline std::string ToText(const std::string& value) { return '"' + value + '"'; }
inline std::string ToText(const char* value) {
  return value == nullptr ? "null" : ToText(std::string(value));
}
inline std::string ToText(bool value) { return value ? "true" : "false"; }
template <class T>
std::enable_if_t<std::is_arithmetic_v<T>, std::string> ToText(T value) {
  return std::to_string(value);
}
template <class T>
std::string ToText(const std::optional<T>& value) {
  return value ? ToText(*value) : "absent";
}
template <class T>
std::string ToText(const std::vector<T>& values) {
  std::string text = "[";
  for (const T& value : values) text += (text.size() > 1 ? ", " : "") + ToText(value);
  return text + "]";
}

template <class Left, class Right>
bool Equal(const Left& left, const Right& right) {
  if constexpr (std::is_integral_v<Left> && std::is_integral_v<Right>) {
    return static_cast<int64_t>(left) == static_cast<int64_t>(right);
  } else {
    return left == right;
  }
}
// Names of attributes: null where there is none.
inline bool Equal(const char* left, const char* right) {
  return left == nullptr || right == nullptr ? left == right : std::string(left) == right;
}

}  // namespace macvlan_netlink::test

#define TEST(name)                                                                         \
  static void name();                                                                      \
  static const bool name##_registered = ::macvlan_netlink::test::Register(#name, &(name)); \
  static void name()

#define CHECK(condition)                                                             \
  do {                                                                               \
    if (!(condition)) ::macvlan_netlink::test::Fail(__FILE__, __LINE__, #condition); \
  } while (false)

#define CHECK_EQ(actual, expected)                                                         \
  do {                                                                                     \
    const auto& actual_value = (actual);                                                   \
    const auto& expected_value = (expected);                                               \
    if (!::macvlan_netlink::test::Equal(actual_value, expected_value)) {                   \
      ::macvlan_netlink::test::Fail(                                                       \
          __FILE__, __LINE__,                                                              \
          #actual " is " + ::macvlan_netlink::test::ToText(actual_value) + ", expected " + \
              ::macvlan_netlink::test::ToText(expected_value));                            \
    }                                                                                      \
  } while (false)
