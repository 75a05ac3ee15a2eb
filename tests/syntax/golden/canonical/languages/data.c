char *label(struct shelf *box_, int key) {
    char *names[] = {"left", "right"};
    int sizes[3] = {1, 2, 3};
    char *first = names[0];
    box_->inner->width = sizes[key];
    box_->inner->place(first, pick(names, key), "it's");
    return box_->title.trim().upper(names[key + 1]);
}
