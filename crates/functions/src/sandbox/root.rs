//! The root of an environment: an empty file system in memory, into which what a function may see
//! is mounted, read-only but for `/tmp`. Then it becomes the root, and the host's is gone.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use nix::libc;
use rustix::fs::CWD;
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, mount,
    mount_change, move_mount, open_tree, unmount,
};

use super::LayerKind::Namespaces;
use super::files::{DEVICES, ETC, GROUP, SYSTEM, USER};
use super::plan::{Fault, Step, View};

/// Inodes of `/tmp` per megabyte: four kilobytes each, as on a disk.
const INODES_PER_MB: u64 = 256;

/// Whether a mount may carry devices.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Files,
    Device,
}

/// Puts the new root together and enters it. The working directory is `/` then.
pub(crate) fn enter(view: &View) -> Result<(), Fault> {
    // What is mounted here must not reach the host.
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).step(Namespaces, || "no mounts of its own".into())?;
    let root = &view.root;
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    memory(root, flags, "mode=0755,size=1m")?;
    system(root)?;
    for path in &view.shown {
        bind(path, &place(root, path), Kind::Files)?;
    }
    hide(view)?;
    etc(view)?;
    devices(root)?;
    bind(&view.code, &root.join("var/task"), Kind::Files)?;
    bind(&view.runtime, &root.join("var/runtime"), Kind::Files)?;
    layers(view)?;
    let inodes = u64::from(view.tmp_mb) * INODES_PER_MB;
    let tmp = format!(
        "mode=0700,uid={USER},gid={GROUP},size={}m,nr_inodes={inodes}",
        view.tmp_mb
    );
    folder(&root.join("tmp"))?;
    memory(&root.join("tmp"), flags, &tmp)?;
    processes(root)?;
    pivot(root)
}

fn system(root: &Path) -> Result<(), Fault> {
    for path in SYSTEM.map(Path::new) {
        let at = place(root, path);
        match fs::symlink_metadata(path) {
            Ok(found) if found.is_symlink() => fs::read_link(path)
                .and_then(|target| symlink(target, &at))
                .step(Namespaces, || format!("making the link {}", path.display()))?,
            Ok(_) => bind(path, &at, Kind::Files)?,
            Err(_) => {}
        }
    }
    Ok(())
}

/// The layers in `/opt`. An interpreter of the host may be there, too, as on many build machines:
/// then they lie beside it, and give way where both have the same name.
fn layers(view: &View) -> Result<(), Fault> {
    let opt = view.root.join("opt");
    let Some(layers) = &view.layers else {
        return folder(&opt);
    };
    if !view.shown.iter().any(|shown| shown.starts_with("/opt")) {
        return bind(layers, &opt, Kind::Files);
    }
    let reading = || format!("reading {}", layers.display());
    for entry in fs::read_dir(layers).step(Namespaces, reading)? {
        let entry = entry.step(Namespaces, reading)?;
        let (path, at) = (entry.path(), opt.join(entry.file_name()));
        if fs::symlink_metadata(&at).is_ok() {
            continue;
        }
        match fs::read_link(&path) {
            Ok(target) => {
                symlink(target, &at)
                    .step(Namespaces, || format!("making the link {}", at.display()))?;
            }
            Err(_) => bind(&path, &at, Kind::Files)?,
        }
    }
    Ok(())
}

/// Covers folders that lie within what is seen: the server's data may well be in `/usr/local`.
fn hide(view: &View) -> Result<(), Fault> {
    for hidden in &view.hidden {
        let place = place(&view.root, hidden);
        if place.is_dir() {
            let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::RDONLY;
            memory(&place, flags, "mode=0755,size=4k")?;
        }
    }
    Ok(())
}

fn etc(view: &View) -> Result<(), Fault> {
    let etc = view.root.join("etc");
    bind(&view.etc, &etc, Kind::Files)?;
    for name in ETC {
        let (host, place) = (Path::new("/etc").join(name), etc.join(name));
        // Where a link leads may be no part of the new root: the file itself is taken.
        if let Ok(real) = fs::canonicalize(&host)
            && fs::metadata(&place).is_ok_and(|place| place.is_dir() == real.is_dir())
        {
            attach(&real, &place, Kind::Files)?;
        }
    }
    Ok(())
}

fn devices(root: &Path) -> Result<(), Fault> {
    let folder_of = root.join("dev");
    folder(&folder_of)?;
    for name in DEVICES {
        bind(
            &Path::new("/dev").join(name),
            &folder_of.join(name),
            Kind::Device,
        )?;
    }
    let links = [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ];
    for (name, target) in links {
        symlink(target, folder_of.join(name))
            .step(Namespaces, || format!("making the link /dev/{name}"))?;
    }
    Ok(())
}

/// In a container that hides part of `/proc`, none may be mounted: there is none then.
fn processes(root: &Path) -> Result<(), Fault> {
    let place = root.join("proc");
    folder(&place)?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    match mount("proc", &place, "proc", flags, None) {
        Err(rustix::io::Errno::PERM) => Ok(()),
        mounted => mounted.step(Namespaces, || "mounting /proc".into()),
    }
}

fn pivot(root: &Path) -> Result<(), Fault> {
    let entered = || -> rustix::io::Result<()> {
        rustix::process::chdir(root)?;
        // The old root comes to lie upon the new one, and is taken away from there.
        rustix::process::pivot_root(".", ".")?;
        unmount(".", UnmountFlags::DETACH)?;
        rustix::process::chdir("/")
    };
    entered().step(Namespaces, || "changing the root".into())?;
    let here = open_path("/").step(Namespaces, || "opening the new root".into())?;
    set_attributes(&here, libc::MOUNT_ATTR_RDONLY, 0)
        .step(Namespaces, || "making the new root read-only".into())
}

/// Where a path of the host is in the new root.
fn place(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

fn folder(path: &Path) -> Result<(), Fault> {
    fs::create_dir_all(path).step(Namespaces, || format!("making {}", path.display()))
}

fn memory(at: &Path, flags: MountFlags, options: &str) -> Result<(), Fault> {
    let options = std::ffi::CString::new(options).unwrap_or_default();
    mount("tmpfs", at, "tmpfs", flags, options.as_c_str()).step(Namespaces, || {
        format!("mounting memory at {}", at.display())
    })
}

/// Makes what it takes to hold the mount, and mounts.
fn bind(source: &Path, at: &Path, kind: Kind) -> Result<(), Fault> {
    let made = if source.is_dir() {
        fs::create_dir_all(at)
    } else {
        at.parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::File::create(at).map(drop))
    };
    made.step(Namespaces, || format!("making {}", at.display()))?;
    attach(source, at, kind)
}

/// Shows `source` of the host at `at`, with all mounted below it, read-only.
fn attach(source: &Path, at: &Path, kind: Kind) -> Result<(), Fault> {
    let attached = || -> io::Result<()> {
        let flags = OpenTreeFlags::OPEN_TREE_CLONE
            | OpenTreeFlags::OPEN_TREE_CLOEXEC
            | OpenTreeFlags::AT_RECURSIVE;
        let tree = open_tree(CWD, source, flags)?;
        let mut attributes = libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID;
        if kind == Kind::Files {
            attributes |= libc::MOUNT_ATTR_NODEV;
        }
        set_attributes(&tree, attributes, libc::AT_RECURSIVE)?;
        move_mount(tree, "", CWD, at, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?;
        Ok(())
    };
    attached().step(Namespaces, || format!("mounting {}", source.display()))
}

fn open_path(path: &str) -> io::Result<OwnedFd> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}

/// Adds attributes to a mount; it keeps those it has.
#[expect(
    unsafe_code,
    reason = "a system call that neither rustix nor nix offers"
)]
fn set_attributes(tree: &OwnedFd, attributes: u64, flags: i32) -> io::Result<()> {
    let tree: BorrowedFd<'_> = std::os::fd::AsFd::as_fd(tree);
    let wanted = libc::mount_attr {
        attr_set: attributes,
        attr_clr: 0,
        propagation: 0,
        userns_fd: 0,
    };
    // SAFETY: an empty path, and a structure of the size that is told; both outlive the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            flags | libc::AT_EMPTY_PATH,
            &raw const wanted,
            size_of::<libc::mount_attr>(),
        )
    };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
