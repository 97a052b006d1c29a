#!/usr/bin/env python3
"""Writes the files beside it: what `wg` sends to the kernel over generic netlink, and what the kernel answers, seen by strace.

usage: capture.py DIRECTORY       as root on a machine whose kernel has the wireguard module; needs strace, iproute2, wireguard-tools.

Everything happens in a network namespace of its own, which ends with it. The keys are made up, from a text. The family's number differs from
machine to machine and is written as 0x15, sequence numbers and port ids as 0.
"""
import base64, hashlib, os, re, struct, subprocess, sys

FAMILY, GENL_ID_CTRL = 0x15, 0x10
CTRL = {1: "CTRL_ATTR_FAMILY_ID", 2: "CTRL_ATTR_FAMILY_NAME", 3: "CTRL_ATTR_VERSION", 4: "CTRL_ATTR_HDRSIZE", 5: "CTRL_ATTR_MAXATTR", 6: "CTRL_ATTR_OPS", 7: "CTRL_ATTR_MCAST_GROUPS"}
DEVICE = {1: "WGDEVICE_A_IFINDEX", 2: "WGDEVICE_A_IFNAME", 3: "WGDEVICE_A_PRIVATE_KEY", 4: "WGDEVICE_A_PUBLIC_KEY", 5: "WGDEVICE_A_FLAGS", 6: "WGDEVICE_A_LISTEN_PORT",
          7: "WGDEVICE_A_FWMARK", 8: "WGDEVICE_A_PEERS"}
PEER = {1: "WGPEER_A_PUBLIC_KEY", 2: "WGPEER_A_PRESHARED_KEY", 3: "WGPEER_A_FLAGS", 4: "WGPEER_A_ENDPOINT", 5: "WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL",
        6: "WGPEER_A_LAST_HANDSHAKE_TIME", 7: "WGPEER_A_RX_BYTES", 8: "WGPEER_A_TX_BYTES", 9: "WGPEER_A_ALLOWEDIPS", 10: "WGPEER_A_PROTOCOL_VERSION"}
ALLOWED = {1: "WGALLOWEDIP_A_FAMILY", 2: "WGALLOWEDIP_A_IPADDR", 3: "WGALLOWEDIP_A_CIDR_MASK"}
LISTS = {"WGDEVICE_A_PEERS": ("peer", PEER), "WGPEER_A_ALLOWEDIPS": ("allowed ip", ALLOWED)}


def key(name):
    return base64.b64encode(hashlib.sha256(name.encode()).digest()).decode()


def public(private):
    return subprocess.run(["wg", "pubkey"], input=private, capture_output=True, text=True, check=True).stdout.strip()


SELF, ONE, TWO, PSK = key("self"), public(key("one")), public(key("two")), key("psk")
PREPARE = "ip link add wg0 index 20 type wireguard"
SET = (f"wg set wg0 private-key /run/self listen-port 51820 peer {ONE} preshared-key /run/psk endpoint 192.168.60.3:51820 persistent-keepalive 25"
       f" allowed-ips 10.244.3.0/24,fd00:1:3::/64 peer {TWO} endpoint [fd00::4]:51821 allowed-ips 10.244.4.0/24")
CASES = {   # name -> (commands before, command, "write" or "read")
    "get-family": (PREPARE, "wg show wg0 dump", "write", GENL_ID_CTRL),
    "family": (PREPARE, "wg show wg0 dump", "read", GENL_ID_CTRL),
    "set-device": (PREPARE, SET, "write", FAMILY),
    "remove-peer": (f"{PREPARE}; {SET}", f"wg set wg0 peer {TWO} remove", "write", FAMILY),
    "get-device": (PREPARE, "wg show wg0 dump", "write", FAMILY),
    "device": (f"{PREPARE}; {SET}", "wg show wg0 dump", "read", FAMILY),
}


def datagrams(prepare, command, direction):
    trace = f"strace -qq -e trace=sendto,recvfrom,sendmsg,recvmsg -e {direction}=3,4,5 -e signal=none {command} >/dev/null"
    script = (f"set -e; mount -t tmpfs none /run; printf '%s\\n' {SELF} >/run/self; printf '%s\\n' {PSK} >/run/psk; {prepare} >&2; echo BEGIN >&2; {trace}")
    out = subprocess.run(["unshare", "--net", "--mount", "bash", "-c", script], capture_output=True, text=True).stderr.split("BEGIN\n")[-1]
    found, open_ = [], False
    for line in out.splitlines():
        row = re.match(r" \| [0-9a-f]{5}  ((?:[0-9a-f]{2} {1,2})+)", line)
        if row:
            if not open_:
                found.append(b"")
            found[-1] += bytes.fromhex(row.group(1).replace(" ", ""))
        open_ = bool(row)
    if not found:
        sys.exit(f"nothing captured for: {command}\n{out}")
    return found


def messages(datagram):
    while len(datagram) >= 16 and (length := struct.unpack_from("=I", datagram)[0]) >= 16:
        yield datagram[:length]
        datagram = datagram[(length + 3) & ~3:]


def readable(name, value):
    if "NAME" in name:
        return repr(value.rstrip(b"\0").decode())
    if "ENDPOINT" in name:
        return f"struct sockaddr_in{'6' if len(value) > 16 else ''}, port {struct.unpack_from('>H', value, 2)[0]}"
    if "IPADDR" in name:
        return ".".join(map(str, value)) if len(value) == 4 else value.hex(":", 2)
    return base64.b64encode(value).decode() if len(value) == 32 else str(int.from_bytes(value, sys.byteorder)) if len(value) in (1, 2, 4, 8) else value.hex(":")


def attributes(rows, data, names, indent):
    while data:
        length, number = struct.unpack_from("=HH", data)
        name = names.get(number & 0x3fff, f"attribute {number & 0x3fff}")
        value, padded = data[4:length], data[4:(length + 3) & ~3]
        if name in LISTS:
            rows.append((data[:4], f"{indent}{name} {{"))
            one, inside = LISTS[name]
            while value:
                size, _ = struct.unpack_from("=HH", value)
                rows.append((value[:4], f"{indent}  {one} {{"))
                attributes(rows, value[4:size], inside, indent + "    ")
                value = value[(size + 3) & ~3:]
        else:
            rows.append((data[:4], indent + name))
            for at in range(0, len(padded), 16):
                rows.append((padded[at:at + 16], f"{indent}  {readable(name, value)}" if at == 0 else ""))
        data = data[(length + 3) & ~3:]


def describe(m, family):
    length, kind, flags, _, _ = struct.unpack_from("=IHHII", m)
    rows = [(m[:4], f"nlmsg_len {length}")]
    if kind in (2, 3):
        rows += [(m[4:8], {2: "NLMSG_ERROR", 3: "NLMSG_DONE"}[kind]), (bytes(8), "nlmsg_seq, nlmsg_pid"), (m[16:20], f"error {struct.unpack_from('=i', m, 16)[0]}")]
        return rows
    rows += [(struct.pack("=HH", FAMILY if family == FAMILY else kind, flags), f"{'wireguard' if family == FAMILY else 'GENL_ID_CTRL'}, nlmsg_flags {flags:#x}"),
             (bytes(8), "nlmsg_seq, nlmsg_pid"), (m[16:20], "cmd, version, -")]
    body = m[20:]
    if family != FAMILY:
        body = re.sub(rb"(?s)^(.*?\x06\x00\x01\x00)..", lambda x: x.group(1) + struct.pack("=H", FAMILY), body, count=1)
    attributes(rows, body, DEVICE if family == FAMILY else CTRL, "")
    return rows


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print(__doc__)
        return
    for name, (prepare, command, direction, family) in CASES.items():
        lines = []
        captured = [m for d in datagrams(prepare, command, direction) for m in messages(d)]
        number = GENL_ID_CTRL if family == GENL_ID_CTRL else max(struct.unpack_from("=H", m, 4)[0] for m in captured)     # the kernel gives numbers above all others
        for m in captured:
            kind = struct.unpack_from("=H", m, 4)[0]
            if kind == number or (kind == 3 and name == "device"):
                lines += [""] * bool(lines) + [f"{data.hex(' '):<50}  # {text}".rstrip(" #") for data, text in describe(m, family)]
        said = f"{command} sends this" if direction == "write" else f"Linux {os.uname().release.split('-')[0]} answers this to {command}"
        with open(os.path.join(sys.argv[1], f"{name}.hex"), "w") as f:
            f.write(f"# {said} (seen by strace, see capture.py), after: {prepare}\n" + "\n".join(lines) + "\n")
        print(name)


main()
