"""Does an index that follows a history equal one made afresh, and how much of the work does it reuse?"""
