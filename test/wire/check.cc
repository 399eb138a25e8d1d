#include "check.h"

#include <cstdio>
#include <utility>

namespace macvlan_netlink::test {
namespace {

struct Test {
  const char* name;
  void (*body)();
};

std::vector<Test>& Tests() {
  static std::vector<Test> tests;
  return tests;
}

std::vector<std::string>& Notes() {
  static std::vector<std::string> notes;
  return notes;
}

size_t failures = 0;

}  // namespace

bool Register(const char* name, void (*body)()) {
  Tests().push_back({name, body});
  return true;
}

void Fail(const char* file, int line, const std::string& text) {
  ++failures;
  std::fprintf(stderr, "%s:%d: %s\n", file, line, text.c_str());
  for (const std::string& note : Notes()) std::fprintf(stderr, "    at %s\n", note.c_str());
}

Note::Note(std::string text) { Notes().push_back(std::move(text)); }
Note::~Note() { Notes().pop_back(); }

// Returns the number of tests that failed.
int RunTests() {
  int failed = 0;
  for (const Test& test : Tests()) {
    const size_t before = failures;
    test.body();
    const bool ok = failures == before;
    if (!ok) ++failed;
    std::printf("%s %s\n", ok ? "ok    " : "FAILED", test.name);
  }
  if (Tests().empty()) std::printf("no tests\n");
  return Tests().empty() ? 1 : failed;
}

}  // namespace macvlan_netlink::test

int main() { return macvlan_netlink::test::RunTests() == 0 ? 0 : 1; }
