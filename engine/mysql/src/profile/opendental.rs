//! Open Dental, according to its manual and the description of its tables.

use super::definition::{
    Attachments, Belonging, Documents, Elsewhere, Expectation, Expected, HashPart, HashedRows, ImageFolder, Owners,
    PathColumn, Profile, Removable, Settings, TableColumn,
};

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
        expected: &[
            Expectation {
                setting: "DataBaseVersion",
                expected: Expected::Version,
                otherwise: "the application does not know the version of its database",
            },
            Expectation {
                setting: "CorruptedDatabase",
                expected: Expected::Not("1"),
                otherwise: "the application calls its database corrupted: an update was interrupted",
            },
            Expectation {
                setting: "UpdateInProgressOnComputerName",
                expected: Expected::Empty,
                otherwise: "an update of the application was running on a computer",
            },
            Expectation {
                setting: "DocPath",
                expected: Expected::Something,
                otherwise: "the application does not know where its images are",
            },
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
        owners: Owners { table: "patient", key: "PatNum", folder: "ImageFolder", names: ["LName", "FName"] },
    },
    copy_mark: "backup_",
    // Permission 24 is SecurityAdmin.
    newest_administrator: Some(
        "SELECT u.UserName FROM {schema}.userod u WHERE u.IsHidden = 0 AND u.DateTLastLogin > '1900-01-01' AND EXISTS (SELECT 1 \
         FROM {schema}.usergroupattach a JOIN {schema}.grouppermission p ON p.UserGroupNum = a.UserGroupNum \
         WHERE a.UserNum = u.UserNum AND p.PermType = 24) ORDER BY u.DateTLastLogin DESC, u.UserNum DESC LIMIT 1",
    ),
    hashed: Some(HashedRows {
        table: "securitylog",
        key: "SecurityLogNum",
        hash_table: "securityloghash",
        hash_key: "SecurityLogNum",
        hash: "LogHash",
        parts: [
            HashPart::Column("PermType"),
            HashPart::Column("UserNum"),
            HashPart::DateTime("LogDateTime"),
            HashPart::Column("LogText"),
            HashPart::Column("PatNum"),
            HashPart::DateTimeSince("DateTPrevious", 1880),
        ],
    }),
    removable: &[
        Removable {
            name: "securitylog",
            table: "securitylog",
            date: "LogDateTime",
            // A log row without its hash is shown as tampered with.
            children: &[Belonging { table: "securityloghash", column: "SecurityLogNum" }],
            keep_years: Some(6),
            note: None,
            attachments: None,
        },
        Removable {
            name: "emailmessage",
            table: "emailmessage",
            date: "MsgDateTime",
            children: &[],
            keep_years: None,
            note: Some(
                "Received, sent and unsent messages go, also those of patients. Attachments stay, their rows and files; so does \
                 `emailmessageuid`, or messages would be downloaded again.",
            ),
            attachments: Some(Attachments {
                rows: Belonging { table: "emailattach", column: "EmailMessageNum" },
                file_name: "ActualFileName",
                folder: "EmailAttachments",
                // A template's attachments are no old message's.
                unset: &["EmailTemplateNum"],
                named_by: &[TableColumn { table: "claimattach", column: "ActualFileName" }],
                rows_used_by: &[
                    TableColumn { table: "ehrsummaryccd", column: "EmailAttachNum" },
                    TableColumn { table: "emailsecureattach", column: "EmailAttachNum" },
                ],
                owners_used_by: &[TableColumn { table: "emailsecure", column: "EmailMessageNum" }],
                note: "Received, sent and unsent messages go with their attachments, also those of patients. What templates, secure mail, \
                       summaries of care or claims need stays; so does `emailmessageuid`, or messages would be downloaded again.",
            }),
        },
        Removable {
            name: "wikilisthist",
            table: "wikilisthist",
            date: "DateTimeSaved",
            children: &[],
            keep_years: None,
            note: None,
            attachments: None,
        },
        Removable {
            name: "wikipagehist",
            table: "wikipagehist",
            date: "DateTimeSaved",
            children: &[],
            keep_years: None,
            note: Some("Images of wiki pages stay."),
            attachments: None,
        },
        Removable {
            name: "taskhist",
            table: "taskhist",
            // When the history was written; the other dates are of the task.
            date: "DateTStamp",
            children: &[],
            keep_years: None,
            note: None,
            attachments: None,
        },
    ],
};
