"""The objects of the built-in tenant that the tests name."""

TENANT = "eb13cdbd-e36e-49ae-b981-ad982fc931a1"

CONNECTOR = "884ce7a5-f8fe-4ca4-a993-90fb9518c3ea"
CONNECTOR_SECRET = "simulator-connector-secret"
EXPIRED_SECRET = "simulator-expired-secret"
READONLY = "3c9478bf-c39e-45ee-b3b5-7a2a28928441"
READONLY_SECRET = "simulator-readonly-secret"

INGRID = "f21217b0-c21c-4d23-b1dd-724d54e15101"  # chief executive, so without a manager
PRIYA = "244d1647-d939-4cf3-b9f3-21d690a7b60a"  # head of design
JONAS = "29b10433-1332-4bcc-aad2-d9a7c6c8b0e8"  # product designer, reports to Priya
NORA = "6fe5e73b-7a84-4b03-b866-fcd69f3fd6d7"  # account executive, holds nothing of Atelier
LENA = "50bdf905-ad67-47b2-b81a-112df121d061"  # guest
GRETA = "76eb553d-0778-4f12-8008-ec48e8ce00dd"  # controller, an accountant in Ledgerline

ATELIER_VIEWERS = "c0bd383a-9649-47ee-a9e1-226228e60e1b"
ATELIER_EDITORS = "4ca4c642-6f98-4c7e-b44c-261114acf879"
ENGINEERING = "ad4d8eed-9f45-48cd-a8dd-3f92869efb10"  # dynamic
WAREHOUSE_STAFF = "f033a73f-06b0-4f4e-8a5b-f77d14313c3c"  # synced from on premises
MARKETING_TEAM = "f84cd42d-5e6a-4372-862c-5b7885c6dc46"  # Microsoft 365
PRODUCT_DESIGN = "e6f4a527-b50f-4519-819b-211fca2fbd57"
PRODUCT_STAFF = "ef4ccc25-5949-4b72-8c97-fafff9d99aab"  # holds Product Design
FINANCE_ANNOUNCEMENTS = "c1ce8351-bc65-41b1-981b-35e79365db7a"  # mail-enabled security
CLOUD_ADMINISTRATORS = "54836690-e4da-45eb-b7dd-01b15d93940a"  # role-assignable
ON_CALL = "3c3381f2-2fe9-488e-aca8-1a0e60af790e"  # holds a managed identity

ATELIER = "1d51c572-5b23-42af-9583-86c6a899a4a4"  # no app roles
LEDGERLINE = "fda46a93-5adc-44ce-ad2f-aa31671e1f98"
PIPELINES = "a7abee03-3432-48b5-b9cc-158e271c1c75"
VAULTKEEPER = "61a4d9e0-6a07-450f-add0-2d07367c0603"  # roles for people and for services
MICROSOFT_GRAPH = "5e01ed9c-d9ee-4bff-816b-cf36be4be3d8"
NIGHTLY_BACKUP = "a04d7a85-7ce4-44e0-a0c4-c85d3f4636f5"  # managed identity

UNKNOWN = "11111111-2222-4333-8444-555555555555"
NO_ROLE = "00000000-0000-0000-0000-000000000000"
