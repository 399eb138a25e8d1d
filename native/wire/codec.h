// Encodes and decodes records by walking their tables.
#pragma once

#include <linux/netlink.h>

#include <algorithm>
#include <bitset>

#include "wire/reader.h"
#include "wire/table.h"
#include "wire/writer.h"

namespace macvlan_netlink::wire {

template <class Record>
void EncodeAttributes(Writer& writer, const Record& record);
template <class Record>
void EncodeBody(Writer& writer, const Record& record);
template <class Record>
void DecodeAttributes(ByteSpan attributes, Record& record);
template <class Record>
bool DecodeBody(ByteSpan body, Record& record);

// The wire form of one member type. Decode returns false for a payload that cannot be that type;
// the attribute is then left out, because one odd attribute must not hide a link.
template <class T, class = void>
struct Wire;

template <class T>
struct Wire<T, std::enable_if_t<std::is_arithmetic_v<T>>> {
  static void Encode(Writer& writer, uint16_t type, T value) {
    writer.Attribute(type, BytesOf(value));
  }
  static bool Decode(ByteSpan payload, T& out) {
    return payload.size == sizeof(T) && ReadStruct(payload, out);
  }
};

template <>
struct Wire<BigEndian16> {
  static void Encode(Writer& writer, uint16_t type, BigEndian16 value) {
    const uint8_t bytes[] = {static_cast<uint8_t>(value.value >> 8),
                             static_cast<uint8_t>(value.value)};
    writer.Attribute(type, {bytes, sizeof(bytes)});
  }
  static bool Decode(ByteSpan payload, BigEndian16& out) {
    if (payload.size != 2) return false;
    out.value = static_cast<uint16_t>(payload.data[0] << 8 | payload.data[1]);
    return true;
  }
};

template <>
struct Wire<std::string> {
  static void Encode(Writer& writer, uint16_t type, const std::string& value) {
    writer.Attribute(type, {reinterpret_cast<const uint8_t*>(value.c_str()), value.size() + 1});
  }
  static bool Decode(ByteSpan payload, std::string& out) {
    out = ReadText(payload);
    return true;
  }
};

template <>
struct Wire<UnterminatedText> {
  static void Encode(Writer& writer, uint16_t type, const UnterminatedText& value) {
    writer.Attribute(type,
                     {reinterpret_cast<const uint8_t*>(value.text.data()), value.text.size()});
  }
  static bool Decode(ByteSpan payload, UnterminatedText& out) {
    return Wire<std::string>::Decode(payload, out.text);
  }
};

template <class T>
struct Wire<T, std::enable_if_t<std::is_base_of_v<Octets, T>>> {
  static void Encode(Writer& writer, uint16_t type, const T& value) {
    writer.Attribute(type, value.Span());
  }
  static bool Decode(ByteSpan payload, T& out) { return out.Assign(payload); }
};

template <class Struct>
struct Wire<Binary<Struct>> {
  static void Encode(Writer& writer, uint16_t type, const Binary<Struct>& value) {
    writer.Attribute(type, BytesOf(value.value));
  }
  static bool Decode(ByteSpan payload, Binary<Struct>& out) {
    const size_t size = std::min(payload.size, sizeof(Struct));
    if (size != 0) std::memcpy(&out.value, payload.data, size);
    return true;
  }
};

template <class Element, uint16_t kElementType>
struct Wire<ListOf<Element, kElementType>> {
  static void Encode(Writer& writer, uint16_t type, const ListOf<Element, kElementType>& list) {
    writer.Nest(type, [&] {
      for (const Element& item : list.items) Wire<Element>::Encode(writer, kElementType, item);
    });
  }
  static bool Decode(ByteSpan payload, ListOf<Element, kElementType>& out) {
    AttributeReader reader(payload);
    Attribute attribute;
    while (reader.Next(attribute)) {
      Element item{};
      if (attribute.type == kElementType && Wire<Element>::Decode(attribute.payload, item)) {
        out.items.push_back(std::move(item));
      }
    }
    return true;
  }
};

template <class Record>
struct Wire<Boxed<Record>> {
  static void Encode(Writer& writer, uint16_t type, const Boxed<Record>& box) {
    if (box.one.empty()) return;
    writer.Nest(type, [&] { EncodeBody(writer, box.one.front()); });
  }
};

template <class Record>
struct Wire<Record, std::enable_if_t<HasTable<Record>::value>> {
  static void Encode(Writer& writer, uint16_t type, const Record& record) {
    writer.Nest(type, [&] { EncodeBody(writer, record); });
  }
  static bool Decode(ByteSpan payload, Record& out) { return DecodeBody(payload, out); }
};

namespace internal {

template <class Record, size_t kRow>
bool DecodeRow(ByteSpan payload, Record& record) {
  constexpr auto row = std::get<kRow>(Table<Record>::rows);
  auto& member = record.*(row.member);
  using Value = typename std::decay_t<decltype(member)>::value_type;
  // In place, because some are large.
  if (Wire<Value>::Decode(payload, member.emplace())) return true;
  member.reset();
  return false;
}

// Attribute number -> decoder, so that a message of sixty attributes is read in one pass.
template <class Record>
struct DecoderIndex {
  using Decoder = bool (*)(ByteSpan, Record&);
  static constexpr size_t kSize = 96;

  template <size_t kRow>
  static constexpr void Set(std::array<Decoder, kSize>& index) {
    constexpr auto row = std::get<kRow>(Table<Record>::rows);
    if constexpr (row.use != Use::kRequest) {
      index[row.type & NLA_TYPE_MASK] = &DecodeRow<Record, kRow>;
    }
  }
  template <size_t... kRows>
  static constexpr std::array<Decoder, kSize> Make(std::index_sequence<kRows...>) {
    std::array<Decoder, kSize> index{};
    (Set<kRows>(index), ...);
    return index;
  }
  static constexpr auto index = Make(
      std::make_index_sequence<std::tuple_size_v<std::decay_t<decltype(Table<Record>::rows)>>>());
};

}  // namespace internal

template <class Record>
void EncodeAttributes(Writer& writer, const Record& record) {
  ForEach(Table<Record>::rows, [&](const auto& row) {
    const auto& member = record.*(row.member);
    if (row.use == Use::kReply || !member.has_value()) return;
    Wire<std::decay_t<decltype(*member)>>::Encode(writer, row.type, *member);
  });
}

template <class Record>
void EncodeBody(Writer& writer, const Record& record) {
  if constexpr (HasHeader<Record>::value) writer.Header(Table<Record>::Pack(record));
  EncodeAttributes(writer, record);
}

// Unknown attributes, and known ones of an impossible size, are passed over; of several in a record
// the first is meant, because behind a nest whose length has wrapped (IFLA_LINKINFO with a long
// source list) what was in it looks like attributes of the record. Where the attributes do not add
// up to the span, what stands before the break is decoded.
template <class Record>
void DecodeAttributes(ByteSpan attributes, Record& record) {
  using Index = internal::DecoderIndex<Record>;
  std::bitset<Index::kSize> decoded;
  AttributeReader reader(attributes);
  Attribute attribute;
  while (reader.Next(attribute)) {
    const uint16_t type = attribute.type;
    if (type >= Index::kSize || Index::index[type] == nullptr || decoded[type]) continue;
    decoded[type] = Index::index[type](attribute.payload, record);
  }
}

template <class Record>
bool DecodeBody(ByteSpan body, Record& record) {
  if constexpr (HasHeader<Record>::value) {
    typename Table<Record>::Header header;
    if (!ReadStruct(body, header)) return false;
    Table<Record>::Unpack(header, record);
    DecodeAttributes(body.From(Align(sizeof(header))), record);
  } else {
    DecodeAttributes(body, record);
  }
  return true;
}

// The kernel's name of the attribute whose header stands at `offset` of a record's body, nests
// followed to the deepest; null when no row covers it. Used for NLMSGERR_ATTR_OFFS.
template <class Record>
const char* AttributeNameAt(ByteSpan body, size_t offset);

namespace internal {

template <class T, class = void>
struct Descend {
  static const char* NameAt(ByteSpan, size_t) { return nullptr; }
};
template <class Record>
struct Descend<Record, std::enable_if_t<HasTable<Record>::value>> {
  static const char* NameAt(ByteSpan body, size_t offset) {
    return AttributeNameAt<Record>(body, offset);
  }
};
template <class Record>
struct Descend<Boxed<Record>> : Descend<Record> {};

}  // namespace internal

template <class Record>
const char* AttributeNameAt(ByteSpan body, size_t offset) {
  size_t start = 0;
  if constexpr (HasHeader<Record>::value) start = Align(sizeof(typename Table<Record>::Header));
  AttributeReader reader(body.From(start));
  Attribute attribute;
  while (reader.Next(attribute)) {
    const size_t begin = start + attribute.offset;
    const size_t end = begin + NLA_HDRLEN + attribute.payload.size;
    if (offset < begin || offset >= end) continue;
    const char* name = nullptr;
    ForEach(Table<Record>::rows, [&](const auto& row) {
      if ((row.type & NLA_TYPE_MASK) != attribute.type) return;
      using Member = typename std::decay_t<decltype(std::declval<Record>().*(row.member))>;
      const char* inner = nullptr;
      if (offset >= begin + NLA_HDRLEN) {
        inner = internal::Descend<typename Member::value_type>::NameAt(attribute.payload,
                                                                       offset - begin - NLA_HDRLEN);
      }
      name = inner != nullptr ? inner : row.kernel_name;
    });
    return name;
  }
  return nullptr;
}

}  // namespace macvlan_netlink::wire
