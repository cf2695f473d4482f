use std::fs;

use tempfile::{TempDir, tempdir};

use super::*;
use crate::sqlite::{Sqlite, crash_image};
use crate::tests::Owner;
use crate::{EntityId, ShardId, Store as _, Write};

const ENTITY: EntityId = EntityId::new(1, ShardId(1));

fn append(owner: &mut Owner, store: &Sqlite, number: u32, bytes: usize) {
    let append = Write::Append {
        entity: ENTITY,
        number,
        record: vec![u8::try_from(number % 251).unwrap(); bytes],
    };
    owner.commit(store, vec![append]);
}

fn records(store: &Sqlite) -> usize {
    let records = store.journal(ENTITY, 0, usize::MAX).unwrap();
    for (record, number) in records.iter().zip(0_u32..) {
        assert_eq!(record.number, number);
        assert!(
            record
                .bytes
                .iter()
                .all(|byte| u32::from(*byte) == number % 251)
        );
    }
    records.len()
}

/// The log of a crashed store in pieces.
struct Image {
    folder: TempDir,
    log: Vec<u8>,
    frame_bytes: usize,
    /// The number, from 0, of each commit's last frame.
    commits: Vec<usize>,
}

impl Image {
    fn of(from: &Path) -> Image {
        let folder = tempdir().unwrap();
        crash_image(from, folder.path());
        let log = fs::read(folder.path().join("lockstep.db-wal")).unwrap();
        let frame_bytes = FRAME_HEADER_BYTES + usize::try_from(word(&log, 8)).unwrap();
        let frames = log[HEADER_BYTES..].chunks_exact(frame_bytes);
        let ours = frames.map(|frame| salts(frame, 8) == salts(&log, 16) && word(frame, 4) != 0);
        let commits = ours.enumerate().filter(|(_, commit)| *commit);
        let commits = commits.map(|(number, _)| number).collect();
        Image {
            folder,
            log,
            frame_bytes,
            commits,
        }
    }

    fn place(&self, frame: usize) -> usize {
        HEADER_BYTES + frame * self.frame_bytes
    }

    /// A copy with another log.
    fn with(&self, log: &[u8]) -> TempDir {
        let folder = tempdir().unwrap();
        crash_image(self.folder.path(), folder.path());
        fs::write(folder.path().join("lockstep.db-wal"), log).unwrap();
        folder
    }

    fn with_garbage(&self, at: usize, bytes: usize) -> TempDir {
        let mut log = self.log.clone();
        let end = (at + bytes).min(log.len());
        log[at..end].iter_mut().for_each(|byte| *byte ^= 0x5a);
        self.with(&log)
    }
}

/// A crashed store: `commits` records of one to four pages, one in a commit.
fn crashed(commits: u32) -> (Sqlite, TempDir, Image) {
    let folder = tempdir().unwrap();
    let store = Sqlite::open(folder.path()).unwrap();
    let mut owner = Owner::of(&store);
    for number in 0..commits {
        append(
            &mut owner,
            &store,
            number,
            500 + (number as usize % 4) * 2_000,
        );
    }
    let image = Image::of(folder.path());
    (store, folder, image)
}

fn refused(folder: &Path) -> String {
    let error = Sqlite::open(folder).unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    let text = error.to_string();
    for part in ["lockstep.db-wal`", "keep a copy", "restore a backup"] {
        assert!(text.contains(part), "{text}");
    }
    text
}

#[test]
fn a_log_cut_short_opens_with_what_is_whole() {
    let (_store, _folder, image) = crashed(12);
    assert!(image.commits.len() > 12);
    let first = image.place(image.commits[0] + 1);
    let before_records = image.commits.len() - 12;
    for frame in 0..=(image.log.len() - HEADER_BYTES) / image.frame_bytes {
        for more in [0, 7, 24, image.frame_bytes - 1] {
            let length = image.place(frame) + more;
            let Some(log) = image.log.get(..length) else {
                continue;
            };
            let folder = image.with(log);
            if length < first {
                assert!(refused(folder.path()).contains("no commit"));
                continue;
            }
            let whole = image
                .commits
                .iter()
                .filter(|commit| image.place(**commit + 1) <= length);
            let expected = whole.count().saturating_sub(before_records);
            let store = Sqlite::open(folder.path()).unwrap();
            assert_eq!(records(&store), expected, "{length} bytes");
        }
    }
    for length in 0..HEADER_BYTES {
        let text = refused(image.with(&image.log[..length]).path());
        assert!(text.contains("missing or empty"), "{text}");
    }
}

#[test]
fn garbage_before_acknowledged_commits_is_refused() {
    let (_store, _folder, image) = crashed(12);
    let last = image.commits.len() - 1;
    // The commit before the last tells what came before it as long as its own header is whole.
    let told = image.place(image.commits[last - 1]);
    let last_begin = image.place(image.commits[last - 1] + 1);
    for bytes in [1, 210, 3_000] {
        for at in (0..image.log.len()).step_by(131) {
            let folder = image.with_garbage(at, bytes);
            if at < HEADER_BYTES {
                assert!(refused(folder.path()).contains("header"));
            } else if at + bytes <= told {
                let frame = (at - HEADER_BYTES) / image.frame_bytes + 1;
                let text = refused(folder.path());
                assert!(text.contains(&format!("frame {frame} of")), "{at}: {text}");
            } else if at >= last_begin {
                // As a commit cut off, unless the garbage marks another frame as a commit.
                match Sqlite::open(folder.path()) {
                    Ok(store) => assert_eq!(records(&store), 11, "{at}"),
                    Err(_) => drop(refused(folder.path())),
                }
            }
        }
    }
    // Without the lock file too.
    let folder = image.with_garbage(image.place(9), 210);
    fs::remove_file(folder.path().join("lockstep.lock")).unwrap();
    assert!(refused(folder.path()).contains("frame 10 of"));
}

#[test]
fn a_last_commit_torn_into_sectors_opens() {
    let (store, folder, _) = crashed(3);
    append(&mut Owner::of(&store), &store, 3, 150 * 2_048);
    let image = Image::of(folder.path());
    let last = image.commits.len() - 1;
    let begin = image.place(image.commits[last - 1] + 1);
    let end = image.place(image.commits[last] + 1);
    assert!(end - begin > 100 * image.frame_bytes);
    // What torn sectors show: an older generation, all of whose frames are commits.
    let mut older: Vec<u8> = image.log.iter().map(|byte| byte ^ 0x5a).collect();
    for frame in older[HEADER_BYTES..].chunks_exact_mut(image.frame_bytes) {
        frame[4..8].copy_from_slice(&[0, 0, 0, 1]);
    }
    let check = |sectors: &mut dyn Iterator<Item = usize>, zeros: bool| {
        let mut log = image.log.clone();
        for sector in sectors {
            let torn = (sector * SECTOR_BYTES).max(begin)..((sector + 1) * SECTOR_BYTES).min(end);
            if zeros {
                log[torn].fill(0);
            } else {
                log[torn.clone()].copy_from_slice(&older[torn]);
            }
        }
        let path = image.folder.path().join("lockstep.db-wal");
        fs::write(&path, log).unwrap();
        let found = super::check(&path).unwrap();
        assert!(found.is_some_and(|log| log.holds_commit));
    };
    let (first, after) = (begin / SECTOR_BYTES, end.div_ceil(SECTOR_BYTES));
    for sector in first..after {
        check(&mut std::iter::once(sector), false);
        check(&mut std::iter::once(sector), true);
    }
    for step in [2, 3, 5, 7, 64] {
        check(&mut (first..after).step_by(step), false);
        check(&mut (first..after).step_by(step), true);
    }
}

#[test]
fn what_torn_commits_left_is_no_damage() {
    let folder = tempdir().unwrap();
    let mut store = Sqlite::open(folder.path()).unwrap();
    let mut owner = Owner::of(&store);
    append(&mut owner, &store, 0, 100);
    let mut folders = vec![folder];
    // Each is torn at its first frame and leaves its last one, nearer to the begin each time.
    for pages in [60, 50, 40, 30, 20] {
        append(&mut owner, &store, 1, pages * 2_048);
        let image = Image::of(folders.last().unwrap().path());
        let frames = (image.log.len() - HEADER_BYTES) / image.frame_bytes;
        // The commit that shows the second record is the one torn; those behind it are left ones.
        let valid = image.commits.iter().find(|commit| {
            let head = &image.log[image.place(**commit)..];
            **commit < frames && word(head, 4) != 0 && {
                let cut = image.with(&image.log[..image.place(**commit + 1)]);
                records(&Sqlite::open(cut.path()).unwrap()) == 2
            }
        });
        let torn_begin = image.commits[image.commits.binary_search(valid.unwrap()).unwrap() - 1];
        let torn = image.with_garbage(image.place(torn_begin + 1), 1);
        let reopened = Sqlite::open(torn.path()).unwrap();
        assert_eq!(records(&reopened), 1);
        owner = Owner::of(&reopened);
        store = reopened;
        let again = Image::of(torn.path());
        assert_eq!(records(&Sqlite::open(again.folder.path()).unwrap()), 1);
        folders.push(torn);
    }
    let image = Image::of(folders.last().unwrap().path());
    let cut = image.log.len() - HEADER_BYTES;
    assert!(image.commits.len() > 5 && cut / image.frame_bytes > 60);
}

#[test]
fn what_earlier_generations_left_is_no_damage() {
    let (store, folder, image) = crashed(40);
    store.move_log();
    let mut owner = Owner::of(&store);
    append(&mut owner, &store, 40, 900);
    append(&mut owner, &store, 41, 900);
    append(&mut owner, &store, 42, 900);
    let anew = Image::of(folder.path());
    assert_ne!(salts(&image.log, 16), salts(&anew.log, 16));
    assert_eq!(anew.log.len(), image.log.len());
    let end = anew.place(anew.commits.last().unwrap() + 1);
    assert!(end + 10 * anew.frame_bytes < anew.log.len());
    for at in [end, end + 500, anew.log.len() - 300] {
        let folder = anew.with_garbage(at, 210);
        assert_eq!(records(&Sqlite::open(folder.path()).unwrap()), 43);
    }
    assert_eq!(records(&Sqlite::open(anew.folder.path()).unwrap()), 43);
    refused(anew.with_garbage(anew.place(1), 210).path());
}

#[test]
fn both_byte_orders_are_summed() {
    let check = |big_endian, expected| {
        let bytes = [1, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 3, 4, 0, 0, 0];
        assert_eq!(Checksum(0, 0).over(&bytes, big_endian), expected);
    };
    let sums = |words: [u32; 4]| {
        let [a, b, c, d] = words;
        let (first, second) = (a, b.wrapping_add(a));
        let first = first.wrapping_add(c).wrapping_add(second);
        Checksum(first, second.wrapping_add(d).wrapping_add(first))
    };
    check(true, sums([0x0100_0000, 2, 3, 0x0400_0000]));
    check(false, sums([1, 0x0200_0000, 0x0300_0000, 4]));
}
