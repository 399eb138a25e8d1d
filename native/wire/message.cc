#include "wire/message.h"

namespace macvlan_netlink::wire {
namespace {

// Since Linux 6.1 (linux/netlink.h); who builds the package may have older headers.
constexpr uint16_t kNlmsgerrAttrMissType = 5;  // NLMSGERR_ATTR_MISS_TYPE
constexpr uint16_t kNlmsgerrAttrMissNest = 6;  // NLMSGERR_ATTR_MISS_NEST

void ParseExtendedAck(ByteSpan attributes, Ack& out) {
  AttributeReader reader(attributes);
  Attribute attribute;
  while (reader.Next(attribute)) {
    uint32_t number = 0;
    switch (attribute.type) {
      case NLMSGERR_ATTR_MSG:
        out.message = ReadText(attribute.payload);
        break;
      case NLMSGERR_ATTR_OFFS:
        if (ReadStruct(attribute.payload, number)) out.attribute_offset = number;
        break;
      case kNlmsgerrAttrMissType:
        if (ReadStruct(attribute.payload, number)) out.missing_type = number;
        break;
      case kNlmsgerrAttrMissNest:
        if (ReadStruct(attribute.payload, number)) out.missing_nest = number;
        break;
      default:
        break;
    }
  }
}

bool ParseError(const Message& message, Ack& out) {
  nlmsgerr error;
  if (!ReadStruct(message.payload, error)) return false;
  out.error = error.error;
  if ((message.header.nlmsg_flags & NLM_F_ACK_TLVS) == 0) return true;
  // Uncapped, the request is echoed between the status and the attributes
  // (net/netlink/af_netlink.c, netlink_ack).
  size_t offset = sizeof(nlmsgerr);
  if ((message.header.nlmsg_flags & NLM_F_CAPPED) == 0 && error.msg.nlmsg_len > NLMSG_HDRLEN) {
    offset += Align(error.msg.nlmsg_len - NLMSG_HDRLEN);
  }
  ParseExtendedAck(message.payload.From(offset), out);
  return true;
}

bool ParseDone(const Message& message, Ack& out) {
  int32_t status = 0;
  if (!ReadStruct(message.payload, status)) return false;
  // A dump's DONE may carry a positive length; only a negative value is an error.
  out.error = status < 0 ? status : 0;
  if ((message.header.nlmsg_flags & NLM_F_ACK_TLVS) != 0) {
    ParseExtendedAck(message.payload.From(sizeof(status)), out);
  }
  return true;
}

}  // namespace

bool MessageReader::Next(Message& out) {
  const ByteSpan rest = span_.From(position_);
  if (!ReadStruct(rest, out.header)) return false;
  if (out.header.nlmsg_len < NLMSG_HDRLEN || out.header.nlmsg_len > rest.size) return false;
  out.payload = {rest.data + NLMSG_HDRLEN, out.header.nlmsg_len - NLMSG_HDRLEN};
  position_ += Align(out.header.nlmsg_len);
  return true;
}

bool ParseEnd(const Message& message, Ack& out) {
  if (message.header.nlmsg_type == NLMSG_ERROR) return ParseError(message, out);
  if (message.header.nlmsg_type == NLMSG_DONE) return ParseDone(message, out);
  return false;
}

size_t BeginMessage(Bytes& out) {
  const size_t start = out.size();
  out.resize(start + NLMSG_HDRLEN);
  return start;
}

void EndMessage(Bytes& out, size_t start, uint16_t type, uint16_t flags) {
  nlmsghdr header{};
  header.nlmsg_len = static_cast<uint32_t>(out.size() - start);
  header.nlmsg_type = type;
  header.nlmsg_flags = flags;
  std::memcpy(out.data() + start, &header, sizeof(header));
}

}  // namespace macvlan_netlink::wire
