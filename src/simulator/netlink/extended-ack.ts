/**
 * The kernel's words beside an errno: NLMSGERR_ATTR_* in acknowledgements and at the end of dumps (Linux 6.1,
 * netlink_ack in net/netlink/af_netlink.c and net/netlink/policy.c).
 * @module
 */
import type { AttributeWriter } from '../../netlink/attributes.js';
import { type AttributePolicy, NLA_NESTED, NLA_NUL_STRING, NLA_U8, NLA_U16, NLA_U32 } from './policy.js';
import { type Padding, writeU64 } from './u64.js';

const NLMSGERR_ATTR_MSG = 1;
const NLMSGERR_ATTR_OFFS = 2;
const NLMSGERR_ATTR_POLICY = 4;
/** Netlink's own nests have it; those of IPVS are older. */
const NLA_F_NESTED = 0x8000;

const NL_POLICY_TYPE_ATTR_TYPE = 1;
const NL_POLICY_TYPE_ATTR_MIN_VALUE_U = 4;
const NL_POLICY_TYPE_ATTR_MAX_VALUE_U = 5;
const NL_POLICY_TYPE_ATTR_MAX_LENGTH = 7;
const NL_POLICY_TYPE_ATTR_PAD = 11;

/** enum netlink_attribute_type, which user space is told, by the kernel's own kinds. */
const TYPE_NUMBERS: { readonly [kind: number]: number } = {
  [NLA_U8]: 2,
  [NLA_U16]: 3,
  [NLA_U32]: 4,
  [NLA_NUL_STRING]: 12,
  [NLA_NESTED]: 13,
};

const LARGEST: { readonly [kind: number]: number } = { [NLA_U8]: 0xff, [NLA_U16]: 0xffff, [NLA_U32]: 0xffffffff };

/** What is said about one message; used again for the next one. */
export class ExtendedAck {
  #message: string | undefined;
  /** Offset of the attribute that is to blame. */
  #offset = 0;
  #policy: AttributePolicy | undefined;

  get empty(): boolean {
    return this.#message === undefined;
  }

  clear(): void {
    this.#message = undefined;
    this.#offset = 0;
    this.#policy = undefined;
  }

  say(message: string): void {
    this.#message = message;
  }

  /** Blames the attribute at an offset, which breaks a policy. */
  refuse(message: string, offset: number, policy: AttributePolicy | undefined): void {
    this.#message = message;
    this.#offset = offset;
    this.#policy = policy;
  }

  /** Appends the words alone: all that the end of a dump and an acknowledgement of success carry. */
  writeMessage(writer: AttributeWriter): void {
    if (this.#message !== undefined) writer.string(NLMSGERR_ATTR_MSG, this.#message);
  }

  /** Appends everything; `header` is the offset at which the refused message starts, from which the kernel counts. */
  write(writer: AttributeWriter, header: number, padding: Padding): void {
    this.writeMessage(writer);
    if (this.#offset > 0) writer.u32(NLMSGERR_ATTR_OFFS, this.#offset - header);
    if (this.#policy !== undefined) writePolicy(writer, this.#policy, padding);
  }
}

/** Kinds that have no number for user space are left out whole. */
function writePolicy(writer: AttributeWriter, { kind, length = 0 }: AttributePolicy, padding: Padding): void {
  const number = TYPE_NUMBERS[kind];
  if (number === undefined) return;
  const largest = LARGEST[kind];
  writer.nested(NLMSGERR_ATTR_POLICY | NLA_F_NESTED, () => {
    if (largest !== undefined) {
      writeU64(writer, NL_POLICY_TYPE_ATTR_MIN_VALUE_U, 0, NL_POLICY_TYPE_ATTR_PAD, padding);
      writeU64(writer, NL_POLICY_TYPE_ATTR_MAX_VALUE_U, largest, NL_POLICY_TYPE_ATTR_PAD, padding);
    }
    if (kind === NLA_NUL_STRING) writer.u32(NL_POLICY_TYPE_ATTR_MAX_LENGTH, length);
    writer.u32(NL_POLICY_TYPE_ATTR_TYPE, number);
  });
}
