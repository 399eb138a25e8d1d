/** What is asked of the kernel by other ways than this library. */
import { execFile } from 'node:child_process';
import { release } from 'node:os';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** Whether the kernel that runs is older than a version. */
export function isBefore(major: number, minor: number): boolean {
  const [ownMajor = 0, ownMinor = 0] = release().split('.').map(Number);
  return ownMajor < major || (ownMajor === major && ownMinor < minor);
}

/** Runs a command; gives what it printed, or fails as it does. */
export async function output(command: string, args: readonly string[]): Promise<string> {
  return (await execute(command, [...args], { maxBuffer: 64 * 1024 * 1024 })).stdout;
}

/** A link as `ip -j -d link` prints it, as far as tests look. */
export interface IpLink {
  readonly ifindex: number;
  readonly ifname: string;
  /** The parent's or the peer's name, where it is in the same namespace. */
  readonly link?: string;
  /** Its index, where it is not. */
  readonly link_index?: number;
  readonly link_netnsid?: number;
  readonly flags: readonly string[];
  readonly mtu: number;
  readonly min_mtu: number;
  readonly max_mtu: number;
  readonly qdisc: string;
  readonly operstate: string;
  readonly master?: string;
  readonly group: string;
  readonly txqlen?: number;
  readonly link_type: string;
  readonly address?: string;
  readonly broadcast?: string;
  readonly promiscuity: number;
  readonly num_tx_queues: number;
  readonly num_rx_queues: number;
  readonly inet6_addr_gen_mode?: string;
  readonly ifalias?: string;
  readonly altnames?: readonly string[];
  readonly linkinfo?: {
    readonly info_kind?: string;
    readonly info_data?: MacvlanData;
  };
}

/** What `ip -d` prints of a macvlan or macvtap. */
export interface MacvlanData {
  readonly mode?: string;
  readonly nopromisc?: boolean;
  readonly nodst?: boolean;
  readonly bcqueuelen?: number;
  readonly macaddr_count?: number;
  readonly macaddr_data?: readonly string[];
}

/** An address as `ip -j -d address` prints it: each flag is a field of its own. */
export interface IpAddress {
  readonly family: 'inet' | 'inet6';
  readonly local: string;
  readonly address?: string;
  readonly prefixlen: number;
  readonly scope: string;
  readonly label?: string;
  readonly broadcast?: string;
  readonly metric?: number;
  readonly valid_life_time: number;
  readonly preferred_life_time: number;
  readonly [flag: string]: unknown;
}
