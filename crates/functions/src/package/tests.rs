use std::os::unix::fs::PermissionsExt;

use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::*;

type Writer = ZipWriter<Cursor<Vec<u8>>>;

fn made(fill: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    fill(&mut zip);
    zip.finish().unwrap().into_inner()
}

fn plain() -> SimpleFileOptions {
    SimpleFileOptions::default()
}

fn add(zip: &mut Writer, name: &str, text: &str) {
    zip.start_file(name, plain()).unwrap();
    zip.write_all(text.as_bytes()).unwrap();
}

fn files(names: &[&str]) -> Vec<u8> {
    made(|zip| names.iter().for_each(|name| add(zip, name, "text")))
}

/// Files named `f0`, and links as (name, target).
fn links(links: &[(&str, &str)]) -> Vec<u8> {
    made(|zip| {
        add(zip, "f0", "text");
        for (name, target) in links {
            zip.add_symlink(*name, *target, plain()).unwrap();
        }
    })
}

/// Replaces every occurrence, of the same length; at least one has to be there.
fn patched(mut bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let places: Vec<usize> = (0..=bytes.len() - from.len())
        .filter(|at| bytes[*at..].starts_with(from))
        .collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at..at + from.len()].copy_from_slice(to);
    }
    bytes
}

/// Changes one field of the directory entry number `entry`.
fn directory_field(mut bytes: Vec<u8>, entry: usize, offset: usize, value: &[u8]) -> Vec<u8> {
    let start = (0..bytes.len() - 4)
        .filter(|at| bytes[*at..].starts_with(b"PK\x01\x02"))
        .nth(entry)
        .unwrap();
    bytes[start + offset..start + offset + value.len()].copy_from_slice(value);
    bytes
}

/// Changes one field of the record at the end.
fn end_field(mut bytes: Vec<u8>, offset: usize, value: &[u8]) -> Vec<u8> {
    let start = bytes.len() - 22 + offset;
    bytes[start..start + value.len()].copy_from_slice(value);
    bytes
}

fn stored(text: &str) -> Vec<u8> {
    made(|zip| {
        zip.start_file("a", plain().compression_method(CompressionMethod::Stored))
            .unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    })
}

fn deflated(bytes: usize) -> Vec<u8> {
    made(|zip| {
        zip.start_file("a", plain()).unwrap();
        let zeros = vec![0; 1 << 20];
        for _ in 0..bytes >> 20 {
            zip.write_all(&zeros).unwrap();
        }
    })
}

const UNZIP: &str =
    "Could not unzip uploaded file. Please check your file, then try to upload again.";

/// What it is, a part of the reason for the log, the package.
type Case = (&'static str, &'static str, Vec<u8>);

/// Each is refused with AWS's text, and leaves nothing outside the folder it was meant for.
fn check_refused(cases: Vec<Case>) {
    let folder = tempfile::tempdir().unwrap();
    for (what, part, zip) in cases {
        let error = check_zip(&zip).expect_err(what);
        assert_eq!(error.to_string(), UNZIP, "{what}");
        let ZipError::Unreadable { reason } = error else {
            panic!("{what}")
        };
        assert!(reason.contains(part), "{what}: {reason}");
        unpack(&zip, &folder.path().join("task")).expect_err(what);
        let _ = fs::remove_dir_all(folder.path().join("task"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{what}");
    }
}

#[test]
fn names_that_leave_the_package_or_meet_are_refused() {
    check_refused(vec![
        ("up", "leaves the package", files(&["../a"])),
        (
            "up in the middle",
            "leaves the package",
            files(&["a/../../b"]),
        ),
        (
            "absolute",
            "not a relative path",
            patched(files(&["Qabc"]), b"Qabc", b"/abc"),
        ),
        (
            "NUL",
            "not a relative path",
            patched(files(&["Qabc"]), b"Qabc", b"a\0bc"),
        ),
        (
            "no name left",
            "names no file",
            patched(files(&["Q"]), b"Q", b"."),
        ),
        (
            "twice",
            "same name",
            patched(files(&["aaaa", "bbbb"]), b"bbbb", b"aaaa"),
        ),
        (
            "twice in other words",
            "two entries are `a`",
            files(&["a", "./a"]),
        ),
        ("file as folder", "lies below a file", files(&["a", "a/b"])),
        (
            "folder as file",
            "lies below a file",
            made(|zip| {
                add(zip, "a", "text");
                zip.add_directory("a/", plain()).unwrap();
            }),
        ),
        ("a long name", "too long", files(&[&"a".repeat(256)])),
        ("a long path", "too long", files(&[&"a/".repeat(1_600)])),
        ("a deep path", "folders", files(&[&"a/".repeat(129)])),
    ]);
}

#[test]
fn links_that_leave_the_package_are_refused() {
    let through = made(|zip| {
        zip.add_symlink("l", ".", plain()).unwrap();
        add(zip, "l/a", "text");
    });
    check_refused(vec![
        ("outside", "outside", links(&[("l", "../secret")])),
        ("absolute", "outside", links(&[("l", "/etc/passwd")])),
        (
            "outside from below",
            "outside",
            links(&[("d/e/l", "../../../secret")]),
        ),
        (
            "through a link",
            "outside",
            links(&[("d/e/l", "../.."), ("x", "d/e/l/../..")]),
        ),
        ("file through a link", "lies below a file", through),
        (
            "too long",
            "no usable target",
            links(&[("l", &"a/".repeat(3_000))]),
        ),
        (
            "too many steps",
            "no usable target",
            links(&[("l", &"a/".repeat(128))]),
        ),
        ("too many bytes", "too long", many_long_links()),
    ]);
}

/// Small as a zip, and much once it is read.
fn many_long_links() -> Vec<u8> {
    let target = "a".repeat(4_096);
    made(|zip| {
        for number in 0..1_025 {
            zip.add_symlink(number.to_string(), &*target, plain())
                .unwrap();
        }
    })
}

/// Each is unpacked into what stands beside it, and nothing else.
#[test]
fn odd_names_are_files_like_others() {
    let cases: [(&str, &[&str], &[&str]); 5] = [
        // A separator elsewhere, and on AWS a part of the name.
        (
            "backslashes",
            &["..\\..\\a", "b\\c"],
            &["..\\..\\a", "b\\c"],
        ),
        ("a drive", &["C:a"], &["C:a"]),
        ("cases", &["a", "A"], &["A", "a"]),
        ("dots", &["...", "..a"], &["...", "..a"]),
        ("controls", &["a\nb", "-rf", "~"], &["-rf", "a\nb", "~"]),
    ];
    for (what, names, expected) in cases {
        let zip = files(names);
        check_zip(&zip).expect(what);
        let folder = tempfile::tempdir().unwrap();
        let dest = folder.path().join("task");
        unpack(&zip, &dest).expect(what);
        let mut found: Vec<String> = fs::read_dir(&dest)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        found.sort();
        assert_eq!(found, expected, "{what}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "{what}");
    }
}

/// Whatever such a name is taken for, it is one file; two that are taken for the same are refused.
#[test]
fn names_that_are_no_utf_8_stay_inside() {
    let odd = |name: &str| {
        let zip = files(&["né", name]);
        let zip = patched(zip, "né".as_bytes(), b"n\xff\xfe");
        patched(zip, name.as_bytes(), b"n\xfe\xff")
    };
    let folder = tempfile::tempdir().unwrap();
    let dest = folder.path().join("task");
    match unpack(&odd("mé"), &dest) {
        Ok(()) => assert_eq!(fs::read_dir(&dest).unwrap().count(), 2),
        Err(error) => assert!(matches!(error, ZipError::Unreadable { .. }), "{error:?}"),
    }
    let entries = fs::read_dir(folder.path()).unwrap();
    assert!(entries.flatten().all(|entry| entry.file_name() == "task"));
}

/// A package as deep and as wide as names allow: more folders than any disk likes.
#[test]
fn folders_are_counted() {
    let deep = "a/".repeat(100);
    let stored = plain().compression_method(CompressionMethod::Stored);
    let zip = made(|zip| {
        for number in 0..700 {
            zip.start_file(format!("{number}/{deep}x"), stored).unwrap();
        }
    });
    check_refused(vec![("many folders", "folders", zip)]);
    // Shared ones count once.
    let zip = made(|zip| {
        for number in 0..70 {
            zip.start_file(format!("{deep}{number}"), stored).unwrap();
        }
    });
    check_zip(&zip).unwrap();
}

#[test]
fn packages_that_lie_about_their_bytes_are_refused() {
    const FLAGS: usize = 8;
    const BYTES: usize = 24;
    const ATTRIBUTES: usize = 38;
    const HEADER: usize = 42;
    let field = |zip, offset, value: u32| directory_field(zip, 0, offset, &value.to_le_bytes());
    let whole = files(&["a"]);
    let many = made(|zip| {
        let stored = plain().compression_method(CompressionMethod::Stored);
        (0..70_000).for_each(|number| zip.start_file(number.to_string(), stored).unwrap());
    });
    let overlapping = directory_field(files(&["a", "b"]), 1, HEADER, &0u32.to_le_bytes());
    check_refused(vec![
        ("empty", "", Vec::new()),
        ("no zip", "", b"def handler(event, context): pass".to_vec()),
        ("cut off", "", whole[..whole.len() - 30].to_vec()),
        ("overlap", "share bytes", overlapping),
        (
            "fifo",
            "neither file",
            field(files(&["a"]), ATTRIBUTES, 0o010_644 << 16),
        ),
        (
            "device",
            "neither file",
            field(files(&["a"]), ATTRIBUTES, 0o020_644 << 16),
        ),
        (
            "encrypted",
            "",
            directory_field(files(&["a"]), 0, FLAGS, &[1, 0]),
        ),
        ("says less", "declared", field(deflated(1 << 20), BYTES, 10)),
        (
            "says more",
            "declared",
            field(deflated(1 << 20), BYTES, 2 << 20),
        ),
        (
            "other content",
            "",
            patched(stored("right"), b"right", b"wrong"),
        ),
        ("70,000 entries", "zip64", many),
        ("split", "", end_field(files(&["a"]), 4, &[1, 0])),
        (
            "the directory elsewhere",
            "",
            end_field(files(&["a"]), 6, &[1, 0]),
        ),
        (
            "more entries than there are",
            "",
            end_field(files(&["a"]), 10, &[9, 0]),
        ),
        (
            "fewer entries than there are",
            "more entries than it says",
            end_field(files(&["a", "b", "c"]), 8, &[2, 0, 2, 0]),
        ),
        (
            "the directory beyond the end",
            "",
            end_field(files(&["a"]), 16, &[0xff; 3]),
        ),
        (
            "bytes before its own header",
            "",
            field(files(&["a"]), HEADER, 0x00ff_ffff),
        ),
    ]);
}

#[test]
fn sizes_are_bounded_by_what_is_declared_and_by_what_is_there() {
    let error = check_zip(&deflated(250 << 20)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Unzipped size must be smaller than 262144000 bytes"
    );
    let error = check_zip(&vec![0; ZIPPED_BYTES_MAX]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Zipped size must be smaller than 52428800 bytes"
    );
    let error = check_zip(&vec![0; ZIPPED_BYTES_MAX - 1]).unwrap_err();
    assert_eq!(error.to_string(), UNZIP);
}

#[test]
fn a_package_is_unpacked_with_modes_links_and_folders() {
    let zip = made(|zip| {
        zip.add_directory("empty/", plain()).unwrap();
        zip.start_file("bootstrap", plain().unix_permissions(0o755))
            .unwrap();
        zip.write_all(b"#!/bin/sh\n").unwrap();
        zip.start_file("app/./secret.py", plain().unix_permissions(0o4600))
            .unwrap();
        add(zip, "app//main.py", "text");
        zip.add_symlink("app/lib", "../lib/real", plain()).unwrap();
        add(zip, "lib/real/x", "behind the link");
    });
    check_zip(&zip).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let dest = folder.path().join("task");
    unpack(&zip, &dest).unwrap();
    let mode = |name: &str| fs::metadata(dest.join(name)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode("bootstrap"), 0o555);
    assert_eq!(mode("app/secret.py"), 0o444);
    assert_eq!(mode("app/main.py"), 0o444);
    assert_eq!((mode("empty"), mode("app")), (0o755, 0o755));
    assert!(dest.join("empty").is_dir());
    assert_eq!(
        fs::read_to_string(dest.join("app/lib/x")).unwrap(),
        "behind the link"
    );
    // What is there is not written over.
    unpack(&zip, &dest).unwrap_err();
}

#[test]
fn facts_are_those_aws_reports() {
    let zip = files(&["handler.py"]);
    let facts = check_zip(&zip).unwrap();
    assert_eq!(facts.code_size, zip.len() as u64);
    assert_eq!(facts.sha256, hex::encode(Sha256::digest(&zip)));
    assert_eq!(
        BASE64_STANDARD.decode(facts.code_sha256).unwrap(),
        Sha256::digest(&zip)[..]
    );
    // A package without files is a package.
    check_zip(&made(|_| {})).unwrap();
}
