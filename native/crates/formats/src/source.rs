//! The only door to the disk for readers: regular files, opened once, watched for changes.

use std::fs::{self, File, Metadata};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::{Error, Result};

/// An open regular file with the size and time it had when it was opened.
pub(crate) struct SourceFile {
    path: PathBuf,
    file: File,
    len: u64,
    modified: Option<SystemTime>,
}

impl SourceFile {
    /// Opens `path` if it is a regular file. The kind is checked before opening, because opening a FIFO waits for a writer
    /// and a device never ends, and again on the handle, in case the name was swapped in between.
    pub fn open(path: &Path) -> Result<Self> {
        let metadata = fs::metadata(path).map_err(|e| Error::io(path, e))?;
        refuse_irregular(path, &metadata)?;
        let file = File::open(path).map_err(|e| Error::io(path, e))?;
        let metadata = file.metadata().map_err(|e| Error::io(path, e))?;
        refuse_irregular(path, &metadata)?;
        Ok(Self {
            path: path.into(),
            file,
            len: metadata.len(),
            modified: metadata.modified().ok(),
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn len(&self) -> u64 {
        self.len
    }

    pub fn seek(&mut self, offset: u64) -> Result<()> {
        self.file
            .seek(SeekFrom::Start(offset))
            .map(drop)
            .map_err(|e| Error::io(&self.path, e))
    }

    /// Reads once; 0 at the end of the file.
    pub fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        loop {
            match self.file.read(out) {
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                other => return other.map_err(|e| Error::io(&self.path, e)),
            }
        }
    }

    /// Fills `out`; a file that ends before is damaged.
    pub fn read_exact(&mut self, out: &mut [u8]) -> Result<()> {
        self.file.read_exact(out).map_err(|e| match e.kind() {
            ErrorKind::UnexpectedEof => {
                Error::invalid(&self.path, "the file ends before its data does")
            }
            _ => Error::io(&self.path, e),
        })
    }

    /// The first `limit` bytes or all there are; the position afterwards is behind them.
    pub fn head(&mut self, limit: usize) -> Result<Vec<u8>> {
        self.seek(0)?;
        let wanted = usize::try_from(self.len).unwrap_or(usize::MAX).min(limit);
        let mut head = vec![0; wanted];
        let mut filled = 0;
        while let Some(rest) = head.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.read(rest)? {
                0 => break,
                n => filled += n,
            }
        }
        head.truncate(filled);
        Ok(head)
    }

    /// A second handle on the same open file, for a library that wants to own one.
    pub fn try_clone_file(&self) -> Result<File> {
        self.file.try_clone().map_err(|e| Error::io(&self.path, e))
    }

    /// Fails if the file has grown, shrunk or been written since it was opened: what was read may mix two versions.
    pub fn check_unchanged(&self) -> Result<()> {
        let now = self.file.metadata().map_err(|e| Error::io(&self.path, e))?;
        if now.len() == self.len && now.modified().ok() == self.modified {
            return Ok(());
        }
        Err(Error::InvalidFile {
            path: self.path.clone(),
            what: "the file was changed while it was being read".into(),
            remedy: "Wait until the program that writes it is done, then import again.".into(),
        })
    }
}

fn refuse_irregular(path: &Path, metadata: &Metadata) -> Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    let what = if metadata.is_dir() {
        "this is a folder, not a file"
    } else {
        "this is not a regular file (a device, pipe or socket)"
    };
    Err(Error::unsupported(
        path,
        what,
        "Choose a Parquet, CSV, JSON Lines, npy or fvecs file.",
    ))
}
