//! Files that no torch wrote: from old ones that are right to those that want to run something.

use candle_core::Tensor;

use crate::program::{
    NONE, call, dict, global, int, ints, list, storage, stream, tensor, text, tuple,
};
use crate::{read, refusal};

/// 0, 1, 2, 3 in single precision.
fn floats() -> Vec<u8> {
    (0..4_u8).flat_map(|k| f32::from(k).to_le_bytes()).collect()
}

/// A storage of four elements.
fn four() -> Vec<u8> {
    storage("FloatStorage", "1", 4, NONE)
}

/// A file of this object and of the storage of four elements.
fn with_four(object: &[u8]) -> Vec<u8> {
    stream(object, &[("1", 4, &floats())])
}

#[test]
fn forms_of_older_versions_are_read() {
    let check = |name: &str, object: &[u8], expected: &[f32]| {
        let tensors = read(&with_four(object)).unwrap_or_else(|error| panic!("{name}: {error:#}"));
        let values: Vec<f32> = tensors["a"].to_vec1().unwrap();
        assert_eq!(values, expected, "{name}");
    };
    let whole = tensor(&four(), 0, &[4], &[1]);
    check("a dict", &dict(&[("a", &whole)]), &[0.0, 1.0, 2.0, 3.0]);
    let v1 = call(
        "torch._utils",
        "_rebuild_tensor",
        &[&four(), &int(1), &ints(&[2]), &ints(&[2])],
    );
    check("PyTorch 0.3", &dict(&[("a", &v1)]), &[1.0, 3.0]);
    let part = tuple(&[&text("2"), &int(2), &int(2)]);
    let part = tensor(&storage("FloatStorage", "1", 4, &part), 1, &[1], &[1]);
    check("part of a storage", &dict(&[("a", &part)]), &[3.0]);
    let items = list(&[&list(&[b"U\x01a", &whole])]);
    let items = call("collections", "OrderedDict", &[&items]);
    check("Python 2", &items, &[0.0, 1.0, 2.0, 3.0]);
    let cuda = String::from_utf8_lossy(&global("torch", "FloatStorage")).into_owned();
    let at = whole
        .windows(cuda.len())
        .position(|bytes| bytes == cuda.as_bytes())
        .unwrap();
    let cuda = global("torch.cuda", "FloatStorage");
    let end = at + global("torch", "FloatStorage").len();
    let cuda = [&whole[..at], &cuda, &whole[end..]].concat();
    check("of a GPU", &dict(&[("a", &cuda)]), &[0.0, 1.0, 2.0, 3.0]);
}

#[test]
fn equal_views_are_one_tensor() {
    let whole = tensor(&four(), 0, &[2, 2], &[2, 1]);
    let tensors = read(&with_four(&dict(&[("a", &whole), ("b", &whole)]))).unwrap();
    let id = |tensor: &Tensor| tensor.id();
    assert_eq!(id(&tensors["a"]), id(&tensors["b"]));
}

#[test]
fn what_no_state_dict_needs_is_refused_by_name() {
    let check = |object: &[u8], expected: &[&str]| {
        let message = refusal(&with_four(object));
        for part in expected {
            assert!(message.contains(part), "{part}: {message}");
        }
    };
    let advice = "save_pretrained";
    check(
        &call("os", "system", &[&text("true")]),
        &["byte 27", "`os.system`", advice],
    );
    check(b"cbuiltins\neval\n", &["`builtins.eval`"]);
    check(
        &[text("posix"), text("system"), vec![0x93]].concat(),
        &["`posix.system`"],
    );
    check(
        &global("torch._utils", "_rebuild_tensor_v3"),
        &["_rebuild_tensor_v3"],
    );
    check(&global("torch", "load"), &["`torch.load`"]);
    check(
        &global("numpy.core.multiarray", "_reconstruct"),
        &["numpy.core.multiarray"],
    );
    check(
        &global("collections.OrderedDict", "fromkeys"),
        &["fromkeys"],
    );
    // INST, OBJ, NEWOBJ, EXT1, PERSID, BYTEARRAY8, and what protocols 0 and 1 write.
    for opcode in [
        b"ios\nsystem\n" as &[u8],
        b"o",
        b"\x81",
        b"\x82\x01",
        b"P1\n",
        b"\x96",
        b"I1\n",
        b"\xff",
    ] {
        let name = format!("opcode {:#04x}", opcode[0]);
        check(opcode, &[&name, "no state dict needs", advice]);
    }
    check(
        &[global("torch", "FloatStorage"), tuple(&[]), b"R".to_vec()].concat(),
        &["Storage(F32) is called"],
    );
    check(b"))R", &["a call of a tuple"]);
    check(
        &[&tensor(&four(), 0, &[4], &[1]), b"}b".as_slice()].concat(),
        &["attributes for a tensor"],
    );
    let module = tuple(&[
        &text("module"),
        &text("a"),
        &text("b"),
        &text("c"),
        &int(1),
        NONE,
    ]);
    check(&[module, b"Q".to_vec()].concat(), &["no storage"]);
    check(b"K\x01Q", &["outside the pickle is an int"]);
    check(
        &[tuple(&[&text("storage")]), b"Q".to_vec()].concat(),
        &["with 1 fields"],
    );
    let arguments = [
        &four(),
        &int(0),
        &ints(&[4]),
        &ints(&[1]),
        NONE,
        NONE,
        &dict(&[("neg", b"\x88")]),
    ];
    let arguments = arguments.map(|argument| -> &[u8] { argument });
    check(
        &call("torch._utils", "_rebuild_tensor_v2", &arguments),
        &["metadata"],
    );
    check(
        &call("torch._utils", "_rebuild_parameter", &[NONE]),
        &["a parameter made of None"],
    );
    check(
        &call("collections", "OrderedDict", &[&list(&[b"K\x01"])]),
        &["an item that is an int"],
    );
}

#[test]
fn what_is_no_state_dict_is_refused() {
    let check = |object: &[u8], expected: &str| {
        let message = refusal(&stream(object, &[]));
        assert!(message.contains(expected), "{expected}: {message}");
    };
    let whole = tensor(&four(), 0, &[4], &[1]);
    check(&whole, "holds a tensor");
    check(NONE, "holds None");
    check(&dict(&[("a", NONE)]), "a is None");
    check(&dict(&[("a", &whole), ("a", &whole)]), "a stands twice");
    check(
        &[b"}(K\x01", whole.as_slice(), b"u"].concat(),
        "whose name is an int",
    );
    check(b"}(K\x01u", "a key without a value");
    check(b"", "the stack is empty");
    check(b"t", "there is no mark");
    check(b"K\x01(q\x00", "the stack is empty");
    check(b"h\x07", "the memo has no 7");
    check(b"K\x01K\x02a", "items for an int");
    check(b"K\x01K\x02K\x03s", "keys and values for an int");
    check(b"\x80\x06", "protocol 6");
    check(b"X\x01\0\0\0\xff", "no UTF-8");
    check(
        &[b"c", [b'a'; 300].as_slice(), b"\n"].concat(),
        "more than 256 bytes",
    );
    check(
        &[&[0x8a, 200], [1; 200].as_slice()].concat(),
        "more than 128 bits",
    );
}

#[test]
fn sizes_are_checked_before_memory_is_asked_for() {
    let check = |object: &[u8], expected: &str| {
        let message = refusal(&with_four(object));
        assert!(message.contains(expected), "{expected}: {message}");
    };
    let check_tensor = |offset, shape: &[i64], stride: &[i64], expected| {
        check(
            &dict(&[("a", &tensor(&four(), offset, shape, stride))]),
            expected,
        );
    };
    let most = i64::MAX;
    check_tensor(0, &[5], &[1], "reaches out of storage 1");
    check_tensor(1, &[2, 2], &[2, 1], "reaches out of storage 1");
    check_tensor(4, &[], &[], "reaches out of storage 1");
    check_tensor(0, &[2, 2], &[most, most], "reaches out of storage 1");
    check_tensor(most, &[2], &[most], "reaches out of storage 1");
    check_tensor(0, &[1 << 40, 1 << 40], &[0, 0], "of shape");
    check_tensor(0, &[1 << 40], &[0], "more than 4 times the file");
    check_tensor(0, &[-1], &[1], "a size of -1");
    check_tensor(0, &[1], &[-1], "a size of -1");
    check_tensor(-1, &[1], &[1], "a size of -1");
    check_tensor(0, &[1, 1], &[1], "2 dimensions with 1 strides");
    check_tensor(0, &[1; 9], &[1; 9], "9 dimensions");
    let whole = |storage: &[u8]| dict(&[("a", &tensor(storage, 0, &[4], &[1]))]);
    check(
        &whole(&storage("FloatStorage", "1", most, NONE)),
        "its tensors count on 9223372036854775807",
    );
    check(
        &whole(&storage("FloatStorage", "1", -4, NONE)),
        "a size of -4",
    );
    check(
        &whole(&storage("FloatStorage", "2", 4, NONE)),
        "no tensor names the storage 1",
    );
    check(
        &whole(&storage("FloatStorage", &"1".repeat(65), 4, NONE)),
        "no storage",
    );
    let part = tuple(&[&text("2"), &int(3), &int(2)]);
    check(
        &whole(&storage("FloatStorage", "1", 4, &part)),
        "elements 3 to 3 + 2",
    );
    let part = tuple(&[&text("2"), &int(most), &int(most)]);
    check(
        &whole(&storage("FloatStorage", "1", 4, &part)),
        "of storage 1",
    );
    let two = |kind, numel| {
        let [first, second] = [four(), storage(kind, "1", numel, NONE)];
        let [first, second] = [first, second].map(|storage| tensor(&storage, 0, &[4], &[1]));
        dict(&[("a", &first), ("b", &second)])
    };
    check(&two("DoubleStorage", 4), "disagree");
    check(&two("FloatStorage", 1000), "disagree");
    // Texts that are said to be as long as memory.
    check(
        &[b"\x8d", most.to_le_bytes().as_slice()].concat(),
        "cut off",
    );
    check(b"X\xff\xff\xff\xff", "cut off");
    check(b"T\xff\xff\xff\xff", "cut off");
}

#[test]
fn storages_must_be_as_large_as_they_say() {
    let whole = |kind| dict(&[("a", &tensor(&storage(kind, "1", 4, NONE), 0, &[4], &[1]))]);
    let floats = floats();
    let check = |file: &[u8], expected: &str| {
        let message = refusal(file);
        assert!(message.contains(expected), "{expected}: {message}");
    };
    let object = whole("FloatStorage");
    check(
        &stream(&object, &[("1", 4, &floats[..15])]),
        "it is cut off",
    );
    check(&stream(&object, &[("1", 5, &floats)]), "has 5 elements");
    check(&stream(&object, &[("1", -4, &floats)]), "has -4 elements");
    check(&stream(&object, &[]), "its storage 1 is missing");
    check(
        &stream(&object, &[("1", 4, &floats), ("1", 4, &floats)]),
        "stands twice",
    );
    check(
        &stream(&whole("DoubleStorage"), &[("1", 4, &floats)]),
        "it is cut off",
    );
}

#[test]
fn programs_that_only_grow_are_stopped() {
    let check = |object: &[u8], expected: &str| {
        let message = refusal(&stream(object, &[]));
        assert!(message.contains(expected), "{expected}: {message}");
    };
    // Nested so deep that to walk or drop it by recursion would overflow the stack.
    let nested = [b")".as_slice(), &[0x85; 500_000]].concat();
    check(&nested, "holds a tuple");
    check(
        &[b"]".as_slice(), &b"]a".repeat(500_000)].concat(),
        "holds a list",
    );
    // Of 2^60 values, if what is referred to were copied.
    check(
        &[b")".as_slice(), &b"q\0h\0h\0\x86".repeat(60)].concat(),
        "holds a tuple",
    );
    // In itself.
    check(b"]q\0h\0a", "holds a list");
    check(&[0x88; 2_000_000], "more than 1048576 values");
    check(
        &[b"Nq\0".as_slice(), &b"h\0".repeat(2_000_000)].concat(),
        "on the stack",
    );
    check(&[b'('; 2_000_000], "more than 1048576 marks");
    let memo: Vec<u8> = (0..1_100_000_u32)
        .flat_map(|k| [b"r".as_slice(), &k.to_le_bytes()].concat())
        .collect();
    check(&[b"N".as_slice(), &memo].concat(), "in the memo");
    check(&vec![b'N'; 17 << 20], "more than 1048576 values");
    check(&b"N(t".repeat(6 << 20), "more than 1048576 values");
    // One list of many pairs, made into a dict again and again.
    let pairs = [
        b"](".as_slice(),
        b"]q\x01(NNe",
        &b"h\x01".repeat(100_000),
        b"eq\x02",
    ]
    .concat();
    let dicts = b"ccollections\nOrderedDict\n(h\x02tR".repeat(20);
    check(&[pairs, dicts].concat(), "dicts of more than 1048576 items");
}

#[test]
fn other_files_are_told_apart() {
    let check = |file: &[u8], expected: &str| {
        let message = refusal(file);
        assert!(message.contains(expected), "{expected}: {message}");
    };
    check(b"", "no file of torch.save");
    check(b"<!doctype html>", "no file of torch.save");
    check(b"(dp0\nS'a'\np1\nI1\ns.", "no file of torch.save");
    check(
        b"\x80\x04\x95\x03\0\0\0\0\0\0\0}.",
        "none that torch.save has written",
    );
    let object = dict(&[("a", &tensor(&four(), 0, &[4], &[1]))]);
    let newer = with_four(&object);
    let at = newer
        .windows(3)
        .position(|bytes| bytes == b"M\xe9\x03")
        .unwrap();
    let newer = [&newer[..at + 1], b"\xea", &newer[at + 2..]].concat();
    check(&newer, "version 1002 of the format");
}
