"""`python -m services.requests` serves; with the word `migrate` it updates the database."""

from libs.process.entry import enter

if __name__ == "__main__":
    enter("services.requests.wiring")
