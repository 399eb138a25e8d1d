#include "json.h"

#include <cstdio>
#include <cstdlib>

namespace macvlan_netlink::test {

class JsonParser {
 public:
  explicit JsonParser(std::string_view text) : text_(text) {}

  Json Whole() {
    Json value = Value();
    Space();
    if (position_ != text_.size()) Stop("the end");
    return value;
  }

 private:
  Json Value() {
    Space();
    Json value;
    value.null_ = false;
    if (Take('{')) {
      Sequence('}', [&] {
        std::string key = String();
        Expect(':');
        value.members_.emplace_back(std::move(key), Value());
      });
    } else if (Take('[')) {
      Sequence(']', [&] { value.items_.push_back(Value()); });
    } else if (Peek() == '"') {
      value.text_ = String();
    } else if (Word("true")) {
      value.number_ = 1;
    } else if (Word("null")) {
      value.null_ = true;
    } else if (!Word("false")) {
      value.number_ = Number();
    }
    return value;
  }

  template <class Item>
  void Sequence(char end, Item&& item) {
    if (Take(end)) return;
    do {
      Space();
      item();
    } while (Take(','));
    Expect(end);
  }

  std::string String() {
    Expect('"');
    std::string out;
    while (Peek() != '"') {
      char c = Next();
      if (c == '\\') {
        c = Next();
        // iproute2's texts hold no other escapes.
        if (c == 'n')
          c = '\n';
        else if (c != '"' && c != '\\' && c != '/')
          Stop("an escape");
      }
      out += c;
    }
    Expect('"');
    return out;
  }

  int64_t Number() {
    const bool negative = Take('-');
    int64_t number = 0;
    if (Peek() < '0' || Peek() > '9') Stop("a value");
    while (Peek() >= '0' && Peek() <= '9') number = number * 10 + (Next() - '0');
    return negative ? -number : number;
  }

  bool Word(std::string_view word) {
    if (text_.substr(position_, word.size()) != word) return false;
    position_ += word.size();
    return true;
  }

  void Space() {
    while (position_ < text_.size() && (text_[position_] == ' ' || text_[position_] == '\n')) {
      ++position_;
    }
  }
  bool Take(char c) {
    Space();
    if (Peek() != c) return false;
    ++position_;
    return true;
  }
  void Expect(char c) {
    if (!Take(c)) Stop(std::string(1, c).c_str());
  }
  char Peek() const { return position_ < text_.size() ? text_[position_] : '\0'; }
  char Next() {
    if (position_ >= text_.size()) Stop("more");
    return text_[position_++];
  }
  [[noreturn]] void Stop(const char* expected) const {
    std::fprintf(stderr, "JSON, offset %zu: expected %s\n", position_, expected);
    std::abort();
  }

  std::string_view text_;
  size_t position_ = 0;
};

Json Json::Parse(std::string_view text) { return JsonParser(text).Whole(); }

const Json& Json::operator[](std::string_view key) const {
  static const Json absent;
  for (const auto& [name, value] : members_) {
    if (name == key) return value;
  }
  return absent;
}

std::vector<std::string> Json::Texts() const {
  std::vector<std::string> texts;
  for (const Json& item : items_) texts.push_back(item.text_);
  return texts;
}

}  // namespace macvlan_netlink::test
