//! Open Dental, as its manual and the description of its tables have it.

use super::definition::{Documents, Elsewhere, ImageFolder, Owners, PathColumn, Profile, Settings};

/// The practice management program Open Dental, versions 19 to 24.
pub const OPEN_DENTAL: Profile = Profile {
    name: "opendental",
    title: "Open Dental",
    settings: Settings {
        table: "preference",
        name: "PrefName",
        value: "ValueString",
        recorded: &[
            "DataBaseVersion",
            "ProgramVersion",
            "MySqlVersion",
            "DocPath",
            "AtoZfolderUsed",
            "CorruptedDatabase",
            "UpdateInProgressOnComputerName",
            "RandomPrimaryKeys",
            "ExportPath",
            "LetterMergePath",
        ],
    },
    images: ImageFolder {
        setting: "DocPath",
        separator: ';',
        mark: "A",
        mode_setting: "AtoZfolderUsed",
        elsewhere: &[
            Elsewhere { value: "0", place: "in the database", in_database: true },
            Elsewhere { value: "2", place: "in Dropbox", in_database: false },
            Elsewhere { value: "3", place: "on an SFTP server", in_database: false },
        ],
        overrides: &[
            PathColumn { table: "computerpref", column: "AtoZpath", whose: "ComputerName" },
            PathColumn { table: "replicationserver", column: "AtoZpath", whose: "Descript" },
        ],
        // Thumbnails are made again when they are looked at, set-up and update files come from the vendor.
        excludes: &["/*/*/Thumbnails/", "/SetupFiles/", "/UpdateFiles/"],
    },
    documents: Documents {
        table: "document",
        key: "DocNum",
        file_name: "FileName",
        owner: "PatNum",
        owners: Owners { table: "patient", key: "PatNum", folder: "ImageFolder" },
    },
    copy_mark: "backup_",
};
