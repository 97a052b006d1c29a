#!/usr/bin/env python3
"""Writes the .hex files beside it: what nft sends for a command, seen by strace.

usage: capture.py [CASE..]        as root; needs strace and nft. Without CASE all files are written anew.

Each command runs in a network namespace of its own, which ends with it. A file holds the one message of the transaction, header included.
"""
import os, re, struct, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
NESTED = 0x8000

# What a command may find in the table; each case names the objects that it needs.
OBJECTS = {
    "local": "set local { type ipv4_addr; flags interval; elements = { 10.9.0.0/16 }; }",
    "exempt": "set exempt { type ipv4_addr; flags interval; elements = { 10.0.0.0/8 }; }",
    "six": "set six { type ipv6_addr; flags interval; elements = { fe80::/64 }; }",
    "names": "set names { type ifname; }",
    "plain": "set plain { type ipv4_addr; }",
    "ports": "map ports { type inet_proto . inet_service : ipv4_addr . inet_service; }",
    "ports-taken": "map ports { type inet_proto . inet_service : ipv4_addr . inet_service; elements = { tcp . 8080 : 10.244.7.5 . 80 }; }",
    "ports6": "map ports6 { type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service; }",
    "at": "map at { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }",
    "vm": "map vm { type inet_service : verdict; }",
    "ranges": "map ranges { type ipv4_addr . inet_service : ipv4_addr; flags interval; }",
    "helper": "chain helper { }",
    "forward": "chain forward { type filter hook forward priority filter; }",
    "forward-rule": "chain forward { type filter hook forward priority filter; ip saddr 1.2.3.4 accept; }",
    "prerouting": "chain prerouting { type nat hook prerouting priority dstnat; }",
    "postrouting": "chain postrouting { type nat hook postrouting priority srcnat; }",
}

ELEMENTS = "NFTA_SET_ELEM_LIST_SET_ID: as in lookups, we name the set only; the test leaves it out."
LOOKUP = "NFTA_LOOKUP_SET_ID: nft names the set by number as well as by name. We do so only for sets that have no name; the test adds it."
TYPEOF = "User data 3 and 4 (typeof) hold an empty expression: we leave them out, and so does the test."

# name -> (table or "", objects in it, command after `nft`, what twill does otherwise)
T, RULE = "inet twill-a", "add rule inet twill-a "
CASES = {
    "new-table": ("", "", 'add table inet twill-a { comment "one table per network"; }', ""),
    "new-table-exclusive": ("", "", "create table ip6 twill-a", ""),
    "delete-table": (T, "", "delete table inet twill-a", ""),
    "new-chain-regular": (T, "", "add chain inet twill-a helper", ""),
    "new-chain-filter": (T, "", "add chain inet twill-a forward { type filter hook forward priority filter; policy accept; "
                         'comment "between containers"; }', ""),
    "new-chain-nat": (T, "", "add chain inet twill-a prerouting { type nat hook prerouting priority dstnat; }", ""),
    "new-chain-drop": (T, "", "add chain inet twill-a input { type filter hook input priority filter + 10; policy drop; }", ""),
    "delete-chain": (T, "helper", "delete chain inet twill-a helper", ""),
    "flush-chain": (T, "helper", "flush chain inet twill-a helper", ""),
    "delete-rule": (T, "forward-rule", "delete rule inet twill-a forward handle 2", ""),
    "insert-rule": (T, "forward-rule", "insert rule inet twill-a forward ip saddr 1.2.3.9 accept", ""),
    "rule-after": (T, "forward-rule", "add rule inet twill-a forward handle 2 ip saddr 1.2.3.9 drop", ""),
    "replace-rule": (T, "forward-rule", "replace rule inet twill-a forward handle 2 ip saddr 1.2.3.8 drop", ""),
    "set-interval": (T, "", 'add set inet twill-a local { type ipv4_addr; flags interval; comment "leased"; }', ""),
    "set-plain": (T, "", "add set inet twill-a names { type ifname; size 1000; }", ""),
    "set-mark-exclusive": (T, "", "create set inet twill-a marks { type mark; }", ""),
    "map-ports": (T, "", "add map inet twill-a ports { type inet_proto . inet_service : ipv4_addr . inet_service; }", TYPEOF),
    "map-verdict": (T, "", "add map inet twill-a vm { type inet_service : verdict; }", ""),
    "map-interval-concat": (T, "", "add map inet twill-a ranges { type ipv4_addr . inet_service : ipv4_addr; flags interval; "
                            'comment "by port"; }', TYPEOF),
    "delete-set": (T, "plain", "delete set inet twill-a plain", ""),
    "flush-set": (T, "plain", "flush set inet twill-a plain", "nft, and so we, name the set before the table."),
    "elements-interval": (T, "local", "add element inet twill-a local { 10.244.7.0/24, 10.244.9.0/24 }", ELEMENTS),
    "elements-interval6": (T, "six", "add element inet twill-a six { fd00::/64 }", ELEMENTS),
    "elements-to-the-end": (T, "exempt", "add element inet twill-a exempt { 224.0.0.0/3 }",
                            ELEMENTS + "\nNFTA_SET_ELEM_USERDATA: a flag of nft, 0; we and the test leave it out."),
    "elements-plain": (T, "plain", "add element inet twill-a plain { 10.0.0.1, 10.0.0.2 }", ELEMENTS),
    "elements-plain-exclusive": (T, "plain", "create element inet twill-a plain { 10.0.0.1 }", ELEMENTS),
    "elements-map": (T, "at", 'add element inet twill-a at { 192.0.2.1 . udp . 53 comment "dns" : 10.244.7.5 . 5353 }', ELEMENTS),
    "elements-verdict": (T, "vm helper", "add element inet twill-a vm { 80 : accept, 81 : jump helper }", ELEMENTS),
    "elements-interval-concat": (T, "ranges", "add element inet twill-a ranges { 10.1.0.0/16 . 80-90 : 10.0.0.9 }", ELEMENTS),
    "delete-elements-interval": (T, "local", "delete element inet twill-a local { 10.9.0.0/16 }", ""),
    "delete-elements-map": (T, "ports-taken", "delete element inet twill-a ports { tcp . 8080 : 10.244.7.5 . 80 }", ""),
    "rule-saddr-in-set": (T, "local forward", RULE + "forward ip saddr @local accept", LOOKUP),
    "rule-daddr-in-set-comment": (T, "local forward", RULE + 'forward ip daddr @local accept comment "to containers"', LOOKUP),
    "rule-ip6-in-set": (T, "six forward", RULE + "forward ip6 daddr @six accept", LOOKUP),
    "rule-prefix8": (T, "forward", RULE + "forward ip saddr 10.0.0.0/8 drop", ""),
    "rule-prefix9": (T, "forward", RULE + "forward ip saddr 10.0.0.0/9 drop", ""),
    "rule-prefix-ip6": (T, "forward", RULE + "forward ip6 saddr != fd00::/64 drop", ""),
    "rule-range": (T, "helper forward", RULE + "forward ip daddr != 10.0.0.1-10.0.0.9 goto helper", ""),
    "rule-counter-jump": (T, "helper forward", RULE + "forward ip daddr 10.0.0.1 counter jump helper", ""),
    "rule-tcp-dport": (T, "forward", RULE + "forward tcp dport 80 return", ""),
    "rule-vmap": (T, "vm forward", RULE + "forward tcp dport vmap @vm", LOOKUP),
    "rule-names-mark": (T, "forward", RULE + 'forward iifname "eth0" oifname != "tw*" meta mark set 0x2000', ""),
    "rule-names-in-set": (T, "names forward", RULE + "forward oifname @names accept", LOOKUP),
    "rule-iif": (T, "forward", RULE + "forward iif lo accept", ""),
    "rule-groups": (T, "forward", RULE + "forward iifgroup 116 oifgroup != 116 drop", ""),
    "rule-mark-masked": (T, "forward", RULE + "forward meta mark and 0xff00 == 0x100 accept",
                         "NFTA_BITWISE_OP 0 is the default, and nft itself leaves it out elsewhere (rule-prefix9.hex): we and the test leave it out."),
    "rule-pkttype": (T, "forward", RULE + "forward meta pkttype broadcast drop", ""),
    "rule-ct-state": (T, "forward", RULE + "forward ct state established,related accept", ""),
    "rule-ct-status": (T, "forward", RULE + "forward ct status dnat accept", ""),
    "rule-ct-direction": (T, "forward", RULE + "forward ct direction original accept", ""),
    "rule-ct-original-daddr": (T, "forward", RULE + "forward ct original ip daddr 1.2.3.4 accept", ""),
    "rule-ct-mark-set": (T, "forward", RULE + "forward ct mark set 0x10", ""),
    "rule-nfproto": (T, "forward", RULE + "forward meta nfproto ipv6 accept", ""),
    "rule-dnat-map": (T, "ports prerouting", RULE + "prerouting fib daddr type local dnat ip to meta l4proto . th dport map @ports", LOOKUP),
    "rule-dnat-map-daddr": (T, "at prerouting", RULE + "prerouting fib daddr type local dnat ip to ip daddr . meta l4proto . th dport map @at",
                            LOOKUP),
    "rule-dnat-map6": (T, "ports6 prerouting", RULE + "prerouting fib daddr type local dnat ip6 to ip6 daddr . meta l4proto . th dport map @ports6",
                       LOOKUP),
    "rule-dnat": (T, "prerouting", RULE + "prerouting ip daddr 1.2.3.4 dnat ip to 10.0.0.1", ""),
    "rule-dnat-port": (T, "prerouting", RULE + "prerouting tcp dport 80 dnat ip to 10.0.0.1:8080",
                       "NFTA_NAT_FLAGS 2 (NF_NAT_RANGE_PROTO_SPECIFIED): the kernel sets it itself when there is a port; the test adds it."),
    "rule-snat": (T, "postrouting", RULE + "postrouting ip saddr 10.0.0.1 snat ip to 192.0.2.1 persistent", ""),
    "rule-masquerade": (T, "local exempt postrouting", RULE + "postrouting ip saddr @local ip daddr != @exempt masquerade fully-random", LOOKUP),
    "rule-masquerade-plain": (T, "postrouting", RULE + "postrouting masquerade", ""),
    "rule-ip-family": ("ip twill-a", "forward", "add rule ip twill-a forward ip saddr 10.0.0.1 accept", ""),
}

OPERATIONS = ["NEWTABLE", "", "DELTABLE", "NEWCHAIN", "", "DELCHAIN", "NEWRULE", "", "DELRULE", "NEWSET", "", "DELSET", "NEWSETELEM", "", "DELSETELEM"]

# kind of message, nest or expression -> attribute numbers from 1 on; "NAME>kind" holds attributes, "" is not met
NAMES = {
    "TABLE": "NAME FLAGS - - - USERDATA", "CHAIN": "TABLE - NAME HOOK>HOOK POLICY - TYPE - - - - USERDATA", "HOOK": "HOOKNUM PRIORITY",
    "RULE": "TABLE CHAIN HANDLE EXPRESSIONS>EXPRESSIONS - POSITION USERDATA", "SETELEM": "TABLE SET ELEMENTS>list SET_ID",
    "SET": "TABLE NAME FLAGS KEY_TYPE KEY_LEN DATA_TYPE DATA_LEN - DESC>DESC ID - - USERDATA", "DESC": "SIZE CONCAT>CONCAT",
    "ELEMENT": "KEY>data DATA>data FLAGS - - USERDATA - - - KEY_END>data", "data": "VALUE VERDICT>verdict", "verdict": "CODE CHAIN",
    "payload": "DREG BASE OFFSET LEN", "meta": "DREG KEY SREG", "ct": "DREG KEY DIRECTION SREG", "cmp": "SREG OP DATA>data",
    "bitwise": "SREG DREG LEN MASK>data XOR>data OP", "range": "SREG OP FROM_DATA>data TO_DATA>data", "lookup": "SET SREG DREG SET_ID FLAGS",
    "immediate": "DREG DATA>data", "counter": "BYTES PACKETS", "nat": "TYPE FAMILY REG_ADDR_MIN - REG_PROTO_MIN - FLAGS", "masq": "FLAGS",
    "fib": "DREG RESULT FLAGS", "field": "LEN", "expression": "NAME DATA",
}
PREFIXES = {"SETELEM": "SET_ELEM_LIST", "ELEMENT": "SET_ELEM", "DESC": "SET_DESC", "field": "SET_FIELD", "expression": "EXPR"}
LISTS = {"EXPRESSIONS": ("NFTA_LIST_ELEM", "expression"), "CONCAT": ("NFTA_LIST_ELEM", "field")}


def capture(setup, command):
    """The one message that nft sends between the begin and the end of its transaction."""
    script = 'nft -f - <<< "$1" && strace -qq -f -e trace=sendmsg -e write=3,4,5 -e signal=none nft -f - <<< "$2"'
    out = subprocess.run(["unshare", "--net", "bash", "-c", script, "-", setup, command], capture_output=True, text=True)
    rows = re.findall(r"^ \| [0-9a-f]{5}  ((?:[0-9a-f]{2} {1,2})+)", out.stderr, re.M)
    data, found = bytes.fromhex("".join(rows).replace(" ", "")), []
    while data:
        length, kind = struct.unpack_from("=IH", data)
        if kind > 0x11:     # not NFNL_MSG_BATCH_BEGIN, _END
            found.append(data[:length])
        data = data[(length + 3) & ~3:]
    if len(found) != 1:
        sys.exit(f"{len(found)} messages captured for: {command}\n{out.stderr}{out.stdout}")
    return found[0]


def attributes(rows, data, kind, indent):
    expression = None
    while data:
        length, number = struct.unpack_from("=HH", data)
        value, padded = data[4:length], data[4:(length + 3) & ~3]
        number, nested = number & 0x3fff, number & NESTED
        if kind == "list":
            name, inside = f"element {number}", "ELEMENT"
        elif kind in LISTS:
            name, inside = LISTS[kind]
        else:
            name, _, inside = NAMES[kind].split()[number - 1].partition(">")
            name = f"NFTA_{PREFIXES.get(kind, kind).upper()}_{name}"
        text = value.rstrip(b"\0")
        if name == "NFTA_EXPR_NAME":
            expression = text.decode()
        if name == "NFTA_EXPR_DATA":
            inside = expression
        shown = not nested and len(value) > 1 and value[-1] == 0 and len(text) == len(value) - 1 and all(32 <= c < 127 for c in text)
        rows.append(f"{data[:4].hex(' ')}  # {indent}{name}" + (f' "{text.decode()}"' if shown else ""))
        if nested:
            attributes(rows, value, inside, indent + "  ")
        else:
            rows += [padded[at:at + 4].hex(" ") for at in range(0, len(padded), 4)]
        data = data[(length + 3) & ~3:]


def main():
    if sys.argv[1:2] in (["-h"], ["--help"]):
        print(__doc__)
        return
    version = subprocess.run(["nft", "--version"], capture_output=True, text=True).stdout.split()[1]
    kernel = ".".join(os.uname().release.split(".")[:2])
    for name, (table, objects, command, note) in CASES.items():
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        setup = "\n".join([f"table {table} {{"] + [OBJECTS[o] for o in objects.split()] + ["}"]) if table else ""
        data = capture(setup, command)
        rows = [f"# nft {command}", f"# nftables {version}, Linux {kernel}"]
        rows += [f"# in: {' '.join(setup.split())}"] if setup else []
        rows += [f"# {line}" for line in note.split("\n") if line]
        operation = OPERATIONS[data[4]]
        for at, field in enumerate(["nlmsg_len", f"NFT_MSG_{operation}, nlmsg_flags", "nlmsg_seq", "nlmsg_pid", "struct nfgenmsg"]):
            rows.append(f"{data[4 * at:4 * at + 4].hex(' ')}  # {field}")
        attributes(rows, data[20:], operation[3:], "")
        with open(os.path.join(HERE, name + ".hex"), "w") as file:
            file.write("\n".join(rows) + "\n")


main()
